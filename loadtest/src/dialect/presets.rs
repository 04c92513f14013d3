//! The target files that come with the tester, and those of the user.

use super::target_file::TargetFile;
use std::fs;
use toml::{Table, Value};

/// Name and file of each preset.
const PRESETS: &[(&str, &str)] = &[
    ("centrifugo", include_str!("../../targets/centrifugo.toml")),
    ("mercure", include_str!("../../targets/mercure.toml")),
    ("nats", include_str!("../../targets/nats.toml")),
    ("nchan", include_str!("../../targets/nchan.toml")),
    ("phoenix", include_str!("../../targets/phoenix.toml")),
    ("pusher", include_str!("../../targets/pusher.toml")),
    ("socketio", include_str!("../../targets/socketio.toml")),
    ("ws", include_str!("../../targets/ws.toml")),
];

/// The names of all presets.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The target file of that name, or at that path. `None` for `wavecast`, whose protocol is built in.
///
/// # Errors
/// There is no such preset or file, or it is not valid.
pub(crate) fn find(name: &str) -> Result<Option<TargetFile>, String> {
    if name == "wavecast" {
        return Ok(None);
    }
    let preset = PRESETS.iter().find(|(own, _)| *own == name);
    let text = match preset {
        Some((_, text)) => (*text).to_owned(),
        None if name.contains(['.', '/']) => {
            fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?
        }
        None => {
            let known: Vec<&str> = names().collect();
            return Err(format!(
                "there is no target `{name}` (known: wavecast, {}; or give a file)",
                known.join(", ")
            ));
        }
    };
    parse(&text)
        .map(Some)
        .map_err(|error| format!("{name}: {error}"))
}

/// Parses a target file. Other tables and keys belong to the scenario.
fn parse(text: &str) -> Result<TargetFile, String> {
    let mut file: Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    let target = file.remove("target").ok_or("there is no [target]")?;
    Value::try_into(target).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::hub_dialect::{Dialect, Incoming};
    use std::time::Duration;

    fn dialect(name: &str) -> Dialect {
        let file = find(name).expect("valid").expect("a file");
        Dialect::new(file, "7:key:secret", |_| Ok(Duration::from_secs(1))).expect("valid")
    }

    /// What a frame contains, in short.
    fn read(dialect: &Dialect, frames: &[&str]) -> Vec<String> {
        let (mut seen, mut carry) = (Vec::new(), Vec::new());
        for frame in frames {
            dialect.decode(frame.as_bytes(), &mut carry, |message| {
                seen.push(match message {
                    Incoming::Event(channel, stamp) => {
                        let channel = channel.map(String::from_utf8_lossy);
                        format!("event {} {}", channel.unwrap_or_default(), stamp.seq)
                    }
                    Incoming::Question(answer) => format!("answer {answer}"),
                    Incoming::Error(_) => "error".to_owned(),
                    other => format!("{other:?}").to_lowercase(),
                });
            });
        }
        seen
    }

    const STAMP: &str =
        r#"{"run":1,"pub":0,"chan":0,"seq":9,"intended_ns":1,"sent_ns":1,"pad":"xx"}"#;

    #[test]
    fn understands_every_preset() {
        let quoted = STAMP.replace('"', "\\\"");
        let lines = format!(
            "{{\"id\":2,\"subscribe\":{{}}}}\n{{\"push\":{{\"channel\":\"c\",\"pub\":{{\"data\":{STAMP}}}}}}}\n{{}}"
        );
        let centrifugo = [
            r#"{"id":1,"connect":{"client":"x"}}"#,
            &lines,
            r#"{"id":3,"error":{"code":103}}"#,
        ];
        let expected = ["welcome", "subscribed", "event c 9", "answer {}", "error"];
        assert_eq!(read(&dialect("centrifugo"), &centrifugo), expected);

        let message = format!("MSG c 1 {}\r\n{STAMP}\r\nPI", STAMP.len());
        let nats = [
            "INFO {\"port\":1}\r\n",
            "+OK\r\nPONG\r\n",
            &message[..40],
            &message[40..],
            "NG\r\n-ERR 'no'\r\n",
        ];
        let expected = [
            "welcome",
            "other",
            "subscribed",
            "event c 9",
            "answer PONG\r\n",
            "error",
        ];
        assert_eq!(read(&dialect("nats"), &nats), expected);

        assert_eq!(
            read(&dialect("nchan"), &[STAMP, &STAMP[..20]]),
            ["event  9", "malformed"]
        );

        let event = format!(r#"[null,null,"room:c","event",{STAMP}]"#);
        let phoenix = [
            r#"["1","1","room:c","phx_reply",{"status":"ok","response":{}}]"#,
            &event,
        ];
        assert_eq!(
            read(&dialect("phoenix"), &phoenix),
            ["subscribed", "event room:c 9"]
        );

        let event = format!(r#"42["event","c",{STAMP}]"#);
        let socketio = [
            "0{\"sid\":\"a\"}",
            "40{\"sid\":\"b\"}",
            "430[\"ok\"]",
            &event,
            "2",
        ];
        let expected = ["other", "welcome", "subscribed", "event c 9", "answer 3"];
        assert_eq!(read(&dialect("socketio"), &socketio), expected);

        let event = format!(r#"{{"event":"event","channel":"c","data":"{quoted}"}}"#);
        let pusher = [
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":120}"}"#,
            r#"{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}"#,
            &event,
            r#"{"event":"pusher:ping","data":"{}"}"#,
            r#"{"event":"pusher:pong"}"#,
            r#"{"event":"pusher:error","data":{"code":4001,"message":"no such app"}}"#,
        ];
        let expected = [
            "welcome",
            "subscribed",
            "event c 9",
            r#"answer {"event":"pusher:pong","data":{}}"#,
            "other",
            "error",
        ];
        assert_eq!(read(&dialect("pusher"), &pusher), expected);

        for name in ["ws", "mercure"] {
            assert_eq!(read(&dialect(name), &[STAMP]), ["event  9"]);
        }

        let text = "[target]\nname = 'x'\npayload = '/data'\nchannel = '/c'\n[target.publish]\nvia = 'socket'\nmessage = ''";
        let own =
            Dialect::new(parse(text).expect("valid"), "", |_| Ok(Duration::ZERO)).expect("valid");
        let event = format!(r#"{{"c":"n","data":"{quoted}"}}"#);
        assert_eq!(read(&own, &[&event, "{\"c\":"]), ["event n 9", "malformed"]);
    }

    #[test]
    fn says_what_is_wrong_with_a_target_file() {
        for (text, wrong) in [
            ("", "no [target]"),
            ("[target]\nname = 1", "string"),
            ("[target]\nname = 'x'", "publish"),
            (
                "[target]\nname = 'x'\nhallo = ['1']\n[target.publish]\nvia = 'socket'\nmessage = ''",
                "hallo",
            ),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(wrong), "{error}");
        }
        assert!(find("nosuch").is_err_and(|error| error.contains("centrifugo")));
        assert!(find("no/such.toml").is_err());
        assert!(find("wavecast").is_ok_and(|file| file.is_none()));
    }
}
