use super::*;
use crate::config::values::Listen;

fn read(kind: Kind, text: &str) -> Result<Value, String> {
    kind.read(&Raw::text(text))
}

fn refused(kind: Kind, raw: &Raw) -> String {
    kind.read(raw).unwrap_err()
}

const NUMBER: Kind = Kind::Number { least: 1, most: 9 };
const SIZE: Kind = Kind::Size { least: 1 };
const TIME: Kind = Kind::Time {
    least: Duration::from_millis(1),
};

#[test]
fn booleans_have_eight_spellings() {
    for text in ["true", "1", "yes", "on", " YES "] {
        assert_eq!(read(Kind::Switch, text), Ok(Value::Switch(true)), "{text}");
    }
    for text in ["false", "0", "no", "off", "Off"] {
        assert_eq!(read(Kind::Switch, text), Ok(Value::Switch(false)), "{text}");
    }
    let message = "\"maybe\" is not a boolean; write true or false";
    assert_eq!(refused(Kind::Switch, &Raw::text("maybe")), message);
    // The file has booleans of its own.
    assert!(Kind::Switch.read(&Raw::String("yes".to_owned())).is_err());
    assert!(Kind::Switch.read(&Raw::Integer(1)).is_err());
}

#[test]
fn numbers_have_a_range() {
    assert_eq!(read(NUMBER, " 7 "), Ok(Value::Number(7)));
    assert_eq!(NUMBER.read(&Raw::Integer(9)), Ok(Value::Number(9)));
    for (text, message) in [
        ("0", "0 must be at least 1"),
        ("-5", "-5 must be at least 1"),
        ("10", "10 must be at most 9"),
        (
            "99999999999999999999999",
            "99999999999999999999999 must be at most 9",
        ),
        ("many", "\"many\" is not a whole number"),
        ("1.5", "\"1.5\" is not a whole number"),
        ("", "\"\" is not a whole number"),
    ] {
        assert_eq!(refused(NUMBER, &Raw::text(text)), message);
    }
    assert_eq!(
        refused(NUMBER, &Raw::String("5".to_owned())),
        "\"5\" is not a whole number; write it without quotation marks"
    );
}

#[test]
fn sizes_have_units() {
    for (text, bytes) in [
        ("64KiB", 65_536),
        ("1MB", 1_000_000),
        ("100B", 100),
        ("512", 512),
    ] {
        assert_eq!(read(SIZE, text), Ok(Value::Size(bytes)), "{text}");
    }
    assert_eq!(SIZE.read(&Raw::Integer(4096)), Ok(Value::Size(4096)));
    let message = "\"big\" is not a size; write 512B, 64KiB or 1MiB";
    assert_eq!(refused(SIZE, &Raw::text("big")), message);
    assert_eq!(
        refused(SIZE, &Raw::Integer(-1)),
        "-1 is not a size; write 512B, 64KiB or 1MiB"
    );
    assert_eq!(
        refused(SIZE, &Raw::text("0KiB")),
        "0KiB must be at least 1B"
    );
}

#[test]
fn durations_have_units_and_a_maximum_of_a_year() {
    let minutes = Duration::from_secs(90);
    assert_eq!(read(TIME, "1m 30s"), Ok(Value::Time(minutes)));
    let how = "is not a duration; write 30s, 5m or 24h";
    assert_eq!(refused(TIME, &Raw::text("ten")), format!("\"ten\" {how}"));
    assert_eq!(refused(TIME, &Raw::Integer(30)), format!("30 {how}"));
    assert_eq!(refused(TIME, &Raw::text("0s")), "0s must be at least 1ms");
    assert_eq!(refused(TIME, &Raw::text("2y")), "2y must be at most 365d");
}

#[test]
fn errors_about_addresses_and_words_say_how_to_write_them() {
    let listen = Value::Address(Listen::All(3000));
    assert_eq!(read(Kind::Address, ":3000"), Ok(listen));
    assert_eq!(
        refused(Kind::Address, &Raw::Integer(3000)),
        "3000 is not an address to listen on; write 127.0.0.1:3000, 3000, :3000 or localhost:3000"
    );
    let words = Kind::Word(&["evict", "drop-oldest"]);
    assert_eq!(read(words, "evict"), Ok(Value::Text("evict".to_owned())));
    assert_eq!(
        refused(words, &Raw::text("drop_oldest")),
        "\"drop_oldest\" is not one of evict, drop-oldest; did you mean `drop-oldest`?"
    );
}

#[test]
fn lists_are_trimmed_and_normalized() {
    let expected = Value::List(vec![
        "https://a.example".to_owned(),
        "https://b.example".to_owned(),
    ]);
    let text = " https://A.example , https://b.example:443,";
    assert_eq!(read(Kind::WebOrigins, text), Ok(expected.clone()));
    let list = ["https://a.example ", "https://b.example"].map(|item| Raw::String(item.to_owned()));
    assert_eq!(Kind::WebOrigins.read(&Raw::List(list.into())), Ok(expected));
    assert_eq!(
        refused(Kind::WebOrigins, &Raw::text("https://a.example/")),
        "\"https://a.example/\" is not a web origin; write it as https://app.example"
    );
    assert_eq!(
        refused(
            Kind::WebOrigins,
            &Raw::String("https://a.example".to_owned())
        ),
        "\"https://a.example\" is not a list; write [\"https://app.example\"]"
    );
}
