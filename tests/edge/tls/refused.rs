//! Certificates and keys that the binary refuses, and what it says.

use crate::support::{ConfigFile, Folder, TestCertificate, run, run_with};

const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];
/// A curve that TLS does not have. The key is used nowhere.
const OTHER_CURVE: &str = "-----BEGIN EC PRIVATE KEY-----\n\
    MHQCAQEEIH35+Qyw/KDljgvZRL33/O7ueKwrHTr1sbcJwa/M7z+roAcGBSuBBAAK\n\
    oUQDQgAEYdCN4IHyi/N8Bm78hcB1CT35Oxst4b3gGMtbPaA9FUabsHMjF4MT/EkD\n\
    GM3pr4y4YxfO/Qnjn7B8sccPzqYBbA==\n\
    -----END EC PRIVATE KEY-----\n";
/// A key with a passphrase, in the older form. It is used nowhere.
const OLD_ENCRYPTED: &str = "-----BEGIN EC PRIVATE KEY-----\n\
    Proc-Type: 4,ENCRYPTED\n\
    DEK-Info: AES-128-CBC,D78AF335662869CD3B1A79F87E97154B\n\
    \n\
    YmlI2RUN2LtZ1zlfUePnj35s8Ko8Rb0cyFRrTxYpIrDMLynGHz/8e6APcZ6AuyCX\n\
    WWotN6/XlRO0vIalipGNm/3N8fdJC4XVMMoIXDjX12WbTqRBIvHRs8I8SGuKwk7t\n\
    +gDRTAaXBYf6tianfNP/OOBtjsjaB7tOfLuoCea6Jq0=\n\
    -----END EC PRIVATE KEY-----\n";

/// What the binary says when it refuses to start.
async fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let arguments = [&LISTEN, arguments].concat();
    let output = run_with(&arguments, environment).await;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

async fn expect_refused(arguments: &[&str], environment: &[(&str, &str)], message: &str) {
    let said = refused(arguments, environment).await;
    assert!(said.contains(message), "{message}: {said}");
}

#[tokio::test]
async fn a_key_in_place_of_its_path_is_refused_and_never_shown() {
    let folder = Folder::new();
    let own = TestCertificate::of(&["localhost"]);
    let [cert, _] = own.write(&folder, "own");
    let key = &own.key;
    let one_line = key.replace('\n', "");
    let body = key.lines().nth(1).expect("a line");
    let no_head = format!("{body}\n{body}");
    let expect = async |arguments: &[&str], environment: &[(&str, &str)]| {
        let said = refused(arguments, environment).await;
        assert!(!said.contains(body), "{said}");
        let hint = "needs a path, not the text of the file";
        assert!(said.contains(hint), "{said}");
    };
    for text in [key, &one_line, &no_head] {
        expect(&["--tls-cert", &cert], &[("WAVECAST_TLS_KEY", text)]).await;
        expect(&[], &[("WAVECAST_TLS_CERT", text)]).await;
        expect(&["--tls-cert", &cert, &format!("--tls-key={text}")], &[]).await;
        expect(&["--set", &format!("tls.key={text}")], &[]).await;
        expect(&["--tls-cert", &cert, "--tls-key", text], &[]).await;
    }
    for text in [
        format!("[tls]\ncert = {cert:?}\nkey = \"\"\"{key}\"\"\"\n"),
        format!("[tls]\ncert = \"\"\"\n{key}\"\"\"\nkey = {cert:?}\n"),
        format!("[[tls.certificates]]\ncert = {cert:?}\nkey = \"\"\"{key}\"\"\"\n"),
        format!("[[tls.certificates]]\ncert = {key:?}\nkey = {cert:?}\n"),
    ] {
        let file = ConfigFile::new(&text);
        expect(&["--config", file.path()], &[]).await;
    }
    // Where no path belongs.
    for arguments in [
        &["--set", &format!("tls.min_version={key}")][..],
        &["--shards", key],
        &["--set", key],
        &["--config", &no_head],
        &[key],
    ] {
        let said = refused(arguments, &[]).await;
        assert!(!said.contains(body), "{said}");
    }
}

#[tokio::test]
async fn an_empty_path_is_refused_instead_of_serving_plain_http() {
    let folder = Folder::new();
    let [cert, key] = TestCertificate::of(&["localhost"]).write(&folder, "own");
    let message = "needs the path of a file";
    for (arguments, environment) in [
        (&["--tls-cert", "", "--tls-key", ""][..], &[][..]),
        (&["--tls-cert", &cert, "--tls-key", " "], &[]),
        (&["--set", "tls.cert="], &[]),
        (&[], &[("WAVECAST_TLS_CERT", ""), ("WAVECAST_TLS_KEY", "")]),
        (&["--tls-key", &key], &[("WAVECAST_TLS_CERT", "")]),
    ] {
        expect_refused(arguments, environment, message).await;
    }
    for text in [
        "[tls]\ncert = \"\"\n",
        "[tls]\nkey = \" \"\n",
        "[tls]\ncert = \"\"\nkey = \"\"\n",
    ] {
        let file = ConfigFile::new(text);
        expect_refused(&["--config", file.path()], &[], message).await;
    }
}

#[tokio::test]
async fn what_is_no_regular_file_is_not_opened() {
    let folder = Folder::new();
    let [cert, key] = TestCertificate::of(&["localhost"]).write(&folder, "own");
    let pipe = folder.file("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let message = "is not a regular file";
    // Without an end, without a writer, and without any contents.
    for path in ["/dev/null", &pipe, "/"] {
        expect_refused(&["--tls-cert", path, "--tls-key", &key], &[], message).await;
        expect_refused(&["--tls-cert", &cert, "--tls-key", path], &[], message).await;
    }
    let large = folder.file("large.pem");
    let file = std::fs::File::create(&large).expect("create");
    file.set_len(1024 * 1024 + 1).expect("grow");
    let message = "has more than 1 MiB";
    expect_refused(&["--tls-cert", &large, "--tls-key", &key], &[], message).await;
}

#[tokio::test]
async fn a_damaged_certificate_behind_the_first_is_refused() {
    let folder = Folder::new();
    let own = TestCertificate::of(&["localhost"]);
    let [cert, key] = own.write(&folder, "own");
    let authority = TestCertificate::of(&["authority.example"]).cert;
    let lines: Vec<&str> = authority.lines().collect();
    let cut_off = [&lines[..3], &lines[lines.len() - 1..]].concat().join("\n");
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for damaged in [cut_off.as_str(), garbage] {
        let chain = format!("{}{authority}{damaged}\n", own.cert);
        std::fs::write(&cert, chain).expect("write");
        let message = "invalid certificate: number 3 in the file is damaged";
        expect_refused(&["--tls-cert", &cert, "--tls-key", &key], &[], message).await;
    }
    // The whole chain is accepted.
    std::fs::write(&cert, format!("{}{authority}", own.cert)).expect("write");
    let checked = run(&["config", "check", "--tls-cert", &cert, "--tls-key", &key]).await;
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_key_or_a_version_is_said_precisely() {
    let folder = Folder::new();
    let [cert, _] = TestCertificate::of(&["localhost"]).write(&folder, "own");
    let path = folder.file("other.pem");
    for (key, message) in [
        (OTHER_CURVE, "of a kind or size that is not supported"),
        (OLD_ENCRYPTED, "the private key is encrypted"),
    ] {
        std::fs::write(&path, key).expect("write");
        expect_refused(&["--tls-cert", &cert, "--tls-key", &path], &[], message).await;
    }
    let said = refused(&["--set", "tls.min_version=1.1"], &[]).await;
    assert!(said.contains("is not one of 1.3, 1.2"), "{said}");
    assert!(!said.contains("did you mean"), "{said}");
}
