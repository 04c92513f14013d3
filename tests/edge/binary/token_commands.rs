//! `wavecast token new` and `wavecast token check`.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use wavecast::auth::token::{Algorithm, SigningKey};

use super::support::{expect_problems, text};
use crate::support::{Folder, KeyServer, TokenKey, pem, run, run_with_input, unix_time};

const SECRET: &str = "an example of a secret: 32 bytes";

/// A folder with a secret and a configuration that uses it.
struct Setup {
    folder: Folder,
    config: String,
    secret: String,
}

impl Setup {
    /// `more` is the rest of the section `tokens`.
    fn new(more: &str) -> Self {
        let folder = Folder::new();
        let (config, secret) = (folder.file("wavecast.toml"), folder.file("token.secret"));
        std::fs::write(&secret, format!("{SECRET}\n")).expect("write");
        let keys = "[[tokens.keys]]\nalgorithm = \"HS256\"\nsecret_file = \"token.secret\"\n";
        std::fs::write(&config, format!("[tokens]\n{more}\n{keys}")).expect("write");
        Self {
            folder,
            config,
            secret,
        }
    }

    /// What `token check` says of a token, and its exit code.
    async fn check(&self, token: &str) -> (String, Option<i32>) {
        self.check_with(token, &[]).await
    }

    async fn check_with(&self, token: &str, variables: &[(&str, &str)]) -> (String, Option<i32>) {
        let arguments = ["token", "check", "--config", &self.config];
        let output = run_with_input(&arguments, variables, token).await;
        let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(!all.contains(SECRET), "{all}");
        (all, output.status.code())
    }

    /// A token from `token new` with the secret and these flags.
    async fn token(&self, flags: &[&str]) -> String {
        let arguments = [&["token", "new", "--secret-file", &self.secret], flags].concat();
        let output = run(&arguments).await;
        assert_eq!(text(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
        let token = text(&output.stdout);
        let token = token.strip_suffix('\n').expect("a line");
        assert!(!token.contains('\n'), "{token}");
        token.to_owned()
    }
}

fn signed(claims: &str) -> String {
    let key = SigningKey::secret(Algorithm::Hs256, SECRET.as_bytes()).expect("a key");
    key.sign(None, claims).expect("a token")
}

#[tokio::test]
async fn a_new_token_is_what_the_server_accepts() {
    let setup = Setup::new("audience = [\"wavecast\"]\nissuer = [\"me\"]");
    let flags = [
        "--user",
        "ada",
        "--audience",
        "wavecast",
        "--issuer",
        "me",
        "--key-id",
        "k1",
        "--ttl",
        "2h",
        "--channel",
        "chat:*=subscribe,publish",
        "--channel",
        "news",
        "--room",
        "team=join,say",
        "--info",
        "{\"name\":\"Ada\"}",
    ];
    let token = setup.token(&flags).await;
    let (said, code) = setup.check(&format!("  {token}\n")).await;
    assert_eq!(code, Some(0), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[..3],
        ["ok: a connection token", "user: ada", "key: k1"]
    );
    let claims = lines.last().expect("the claims");
    for claim in [
        "\"sub\":\"ada\"",
        "\"aud\":\"wavecast\"",
        "\"iss\":\"me\"",
        "\"channels\":{\"chat:*\":[\"subscribe\",\"publish\"],\"news\":[\"subscribe\",\"history\"]}",
        "\"rooms\":{\"team\":[\"join\",\"say\"]}",
        "\"info\":{\"name\":\"Ada\"}",
    ] {
        assert!(claims.contains(claim), "{claim}: {claims}");
    }
    // Without the names that the configuration asks for.
    let (said, code) = setup.check(&setup.token(&["--user", "ada"]).await).await;
    assert_eq!(
        (said.as_str(), code),
        ("invalid_token: `aud` is missing\n", Some(1))
    );
}

#[tokio::test]
async fn check_says_why_a_token_is_refused() {
    let setup = Setup::new("max_lifetime = \"10m\"");
    let now = unix_time();
    let valid = setup.token(&["--user", "ada", "--ttl", "5m"]).await;
    let long = setup.token(&["--user", "ada", "--ttl", "11m"]).await;
    for (token, expected) in [
        (
            long,
            "invalid_token: `exp` is further away than max_lifetime\n",
        ),
        (
            signed("{\"exp\":1767225600}"),
            "token_expired: `exp` is in the past\n",
        ),
        (
            signed(&format!("{{\"exp\":{},\"nbf\":{0}}}", now + 500)),
            "token_not_yet_valid: `nbf` or `iat` is in the future\n",
        ),
        (
            format!("{valid}="),
            "invalid_token: the signature is not base64url\n",
        ),
        (
            valid.replace("eyJ", "eyK"),
            "invalid_token: the header is not base64url of text\n",
        ),
        ("x".to_owned(), "invalid_token: not three parts\n"),
    ] {
        let (said, code) = setup.check(&token).await;
        assert_eq!((said.as_str(), code), (expected, Some(1)));
    }
    let claims = format!("{{\"exp\":{},\"channel\":\"doc:17\"}}", now + 500);
    let (said, code) = setup.check(&signed(&claims)).await;
    let first = said.lines().next();
    assert_eq!(
        first,
        Some("ok: a subscription token for the channel doc:17")
    );
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn a_private_key_signs_what_its_public_key_verifies() {
    let (setup, key) = (Setup::new(""), TokenKey::new());
    let private = setup.folder.file("private.pem");
    std::fs::write(&private, &key.private_pem).expect("write");
    std::fs::write(setup.folder.file("public.pem"), &key.public_pem).expect("write");
    let config = "[[tokens.keys]]\nalgorithm = \"ES256\"\npublic_key_file = \"public.pem\"\n";
    std::fs::write(&setup.config, config).expect("write");
    let arguments = ["token", "new", "--private-key", &private, "--user", "ada"];
    for algorithm in [&[][..], &["--algorithm", "ES256"]] {
        let output = run(&[&arguments, algorithm].concat()).await;
        assert_eq!(text(&output.stderr), "");
        let (said, code) = setup.check(&text(&output.stdout)).await;
        assert_eq!(code, Some(0), "{said}");
    }
    let output = run(&[&arguments[..], &["--algorithm", "RS256"]].concat()).await;
    assert_eq!(output.status.code(), Some(2));
    let expected = format!(
        "error: --private-key: {private}: the key does not fit the algorithm, which needs an RSA key\n"
    );
    assert_eq!(text(&output.stderr), expected);
}

#[tokio::test]
async fn flags_that_make_no_token_are_errors() {
    let setup = Setup::new("");
    let short = setup.folder.file("short");
    std::fs::write(&short, "short\n").expect("write");
    let missing = setup.folder.file("missing");
    let secret = setup.secret.as_str();
    let nobody = ["--secret-file", secret, "--user", "ada"];
    for (flags, expected) in [
        (
            vec!["--secret-file", &short, "--user", "ada"],
            format!("--secret-file: {short}: the secret has 5 bytes; it must have at least 32"),
        ),
        (
            vec!["--secret-file", &missing, "--user", "ada"],
            format!("--secret-file: cannot read {missing}: No such file or directory (os error 2)"),
        ),
        (
            vec!["--private-key", secret, "--user", "ada"],
            format!(
                "--private-key: {secret}: this is not a private key in PEM form (`-----BEGIN PRIVATE KEY-----`)"
            ),
        ),
        (
            vec!["--secret-file", secret, "--user", ""],
            "--user: must not be empty".to_owned(),
        ),
        (
            [&nobody[..], &["--algorithm", "HS265"]].concat(),
            "--algorithm: \"HS265\" is not an algorithm; did you mean `HS256`?".to_owned(),
        ),
        (
            [&nobody[..], &["--algorithm", "ES256"]].concat(),
            format!(
                "--secret-file: {secret}: the algorithm needs an EC key on P-256, not a secret"
            ),
        ),
        (
            [&nobody[..], &["--ttl", "soon"]].concat(),
            "--ttl: \"soon\" is not a duration; write 30s, 5m or 24h".to_owned(),
        ),
        (
            [&nobody[..], &["--info", "{},\"sub\":\"bob\""]].concat(),
            "--info: this is not JSON; write '{\"name\":\"Ada\"}'".to_owned(),
        ),
    ] {
        let output = run(&[&["token", "new"], &flags[..]].concat()).await;
        assert_eq!(text(&output.stderr), format!("error: {expected}\n"));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(output.status.code(), Some(2));
    }
    let output = run(&["token"]).await;
    let expected = "error: `wavecast token` needs a command: new or check\n";
    assert_eq!(
        (text(&output.stderr).as_str(), output.status.code()),
        (expected, Some(2))
    );
    let output = run(&[
        "token",
        "new",
        "--usr",
        "ada",
        "--secret-file",
        secret,
        "--user",
        "a",
    ])
    .await;
    let unknown = "--usr: unknown flag; did you mean `--user`?";
    expect_problems(&output, &[unknown]);
}

#[tokio::test]
async fn without_tokens_in_the_configuration_there_is_nothing_to_check() {
    let output = run_with_input(&["token", "check"], &[], "x").await;
    let expected = "error: the configuration has no [tokens], so no token is accepted\n";
    assert_eq!(text(&output.stderr), expected);
    assert_eq!(output.status.code(), Some(1));
    let (said, code) = Setup::new("").check(" \n").await;
    let expected = "error: no token on standard input\n";
    assert_eq!((said.as_str(), code), (expected, Some(1)));
}

#[tokio::test]
async fn a_key_set_is_fetched_over_tls_if_its_certificate_is_trusted() {
    let (setup, key) = (Setup::new(""), TokenKey::new());
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let tls = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_no_client_auth()
        .with_single_cert(
            vec![own.cert.der().clone()],
            PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into()),
        )
        .expect("a certificate");
    let server = KeyServer::start_with(Some(TlsAcceptor::from(Arc::new(tls)))).await;
    server.publish(&[key.jwk("1")]);
    let port = server.address.port();
    let config = format!(
        "[[tokens.jwks]]\nurl = \"https://localhost:{port}/jwks.json\"\nalgorithms = [\"ES256\"]\n"
    );
    std::fs::write(&setup.config, config).expect("write");
    let [trusted, other] = ["trusted.pem", "other.pem"].map(|name| setup.folder.file(name));
    std::fs::write(&trusted, pem("CERTIFICATE", own.cert.der())).expect("write");
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("one");
    std::fs::write(&other, pem("CERTIFICATE", stranger.cert.der())).expect("write");

    let token = key.sign("1", ",\"sub\":\"ada\"");
    let (said, code) = setup
        .check_with(&token, &[("SSL_CERT_FILE", &trusted)])
        .await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("ok: a connection token\nuser: ada\n"),
        "{said}"
    );
    let (said, code) = setup.check_with(&token, &[("SSL_CERT_FILE", &other)]).await;
    let unavailable = "keys_unavailable: the key set could not be fetched\n";
    assert!(
        said.starts_with(unavailable) && said.contains("certificate"),
        "{said}"
    );
    assert_eq!(code, Some(1));
    assert_eq!(server.requests(), 1);
}
