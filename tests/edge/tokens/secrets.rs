//! What must never be logged, however much is logged.

use serde_json::json;

use super::issuer::{SECRET, token};
use rustix::process::Signal;

use crate::support::{Binary, Client, ConfigFile, EventSource, Folder, exchange, run};

#[tokio::test]
async fn no_secret_is_in_the_log_at_any_level() {
    let made = run(&["key", "new", "--id", "shop", "--scope", "admin", "--json"]).await;
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let (api_key, hash) = (
        made["key"].as_str().unwrap(),
        made["sha256"].as_str().unwrap(),
    );
    let file = ConfigFile::new(&format!(
        "[tokens]\nallow_query = true\n[[tokens.keys]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n\
         [[api_keys]]\nid = \"shop\"\nsha256 = \"{hash}\"\nscopes = [\"admin\"]\n"
    ));
    let folder = Folder::new();
    let log = folder.file("log");
    let mut edge = Binary::start_logging_to(&log, &["--config", file.path()]).await;

    let claims = |jti: &str| json!({"sub": "ada", "jti": jti, "channels": ["news"]});
    let tokens: Vec<String> = [
        "header",
        "protocol",
        "query",
        "message",
        "refresh",
        "subscription",
    ]
    .map(|jti| match jti {
        "subscription" => token(json!({"sub": "ada", "jti": jti, "channel": "doc:1"})),
        jti => token(claims(jti)),
    })
    .into();
    let bad: Vec<String> = tokens.iter().map(|token| format!("{token}x")).collect();
    for tokens in [&tokens, &bad] {
        let [header, protocol, query, message, refresh, subscription] = &tokens[..] else {
            panic!("six tokens");
        };
        for line in [
            format!("authorization: Bearer {header}"),
            format!("sec-websocket-protocol: wavecast, wavecast.token.{protocol}"),
        ] {
            let mut client = Client::dial(edge.address).await;
            client
                .send(super::desk::upgrade_with(&line).as_bytes())
                .await;
            crate::support::read_head(client.stream()).await;
        }
        let path = format!("/sse?channel=news&token={query}");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        if tokens == &bad {
            exchange(edge.address, request.as_bytes()).await;
        } else {
            let mut stream = EventSource::open(edge.address, &path).await;
            stream.expect_subscribed(&["news"]).await;
        }
        let mut client = Client::dial(edge.address).await;
        let upgrade = crate::support::upgrade_request("/ws");
        client.send(upgrade.as_bytes()).await;
        client.expect_upgrade().await;
        for command in [
            json!({"type": "auth", "token": message}),
            json!({"type": "auth", "token": refresh}),
            json!({"type": "subscribe", "channel": "doc:1", "token": subscription}),
        ] {
            client.send_text(&command.to_string()).await;
            client.next_text().await;
            if tokens == &bad {
                break;
            }
        }
    }
    for key in [api_key, &format!("{api_key}x")] {
        let request = format!(
            "GET /api/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\r\n"
        );
        exchange(edge.address, request.as_bytes()).await;
    }
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);

    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("token verified"), "{logged}");
    let secret_part = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    let mut secrets: Vec<String> = tokens.iter().map(|token| secret_part(token)).collect();
    secrets.push(SECRET.to_owned());
    // It may have underscores itself.
    secrets.push(api_key.splitn(3, '_').last().unwrap().to_owned());
    for secret in secrets {
        assert!(!logged.contains(&secret), "{secret} is in the log");
    }
}
