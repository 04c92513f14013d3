//! `[tokens]` of the file.

use super::support::{expect_ok, expect_problem_of, expect_problems, text};
use crate::support::{Folder, TokenKey, run};

const SECRET: &str = "an example of a secret: 32 bytes";

/// A folder with keys, and in it a configuration with this text.
fn folder(config: &str) -> (Folder, String) {
    let folder = Folder::new();
    for (name, contents) in [
        ("token.secret", format!("{SECRET}\n")),
        ("short.secret", SECRET[1..].to_owned() + "\n"),
        ("public.pem", TokenKey::new().public_pem),
        ("wavecast.toml", config.to_owned()),
    ] {
        std::fs::write(folder.file(name), contents).expect("write");
    }
    let path = folder.file("wavecast.toml");
    (folder, path)
}

async fn expect_problems_of(config: &str, problems: &[&str]) {
    let (folder, path) = folder(config);
    let output = run(&["config", "check", &path]).await;
    let here = path.strip_suffix("wavecast.toml").expect("the file");
    let problems = problems.iter().map(|problem| {
        let problem = problem.replace("HERE/", here);
        format!("{path}:{problem}")
    });
    let problems: Vec<String> = problems.collect();
    let problems: Vec<&str> = problems.iter().map(String::as_str).collect();
    let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!all.contains(&SECRET[1..]), "{all}");
    expect_problems(&output, &problems);
    drop(folder);
}

#[tokio::test]
async fn keys_and_key_sets_are_read() {
    let (_folder, path) = folder(&format!(
        "[tokens]\naudience = [\"wavecast\"]\nissuer = [\"https://app.example\"]\nleeway = \"10s\"\n\
         max_lifetime = \"1h\"\nrequire_expiry = false\nexpiry_warning = \"30s\"\n\
         auth_timeout = \"5s\"\nallow_query = true\n\
         [[tokens.keys]]\nid = \"a\"\nalgorithm = \"HS256\"\nsecret_file = \"token.secret\"\n\
         [[tokens.keys]]\nalgorithm = \"HS512\"\nsecret = \"{SECRET}\"\n\
         [[tokens.keys]]\nalgorithm = \"ES256\"\npublic_key_file = \"public.pem\"\n\
         [[tokens.jwks]]\nurl = \"https://app.example/jwks.json\"\nalgorithms = [\"RS256\", \"ES256\"]\n\
         issuer = \"https://app.example\"\nrefresh = \"10m\"\n\
         [[tokens.jwks]]\nurl = \"http://127.0.0.1:1/\"\nalgorithms = [\"EdDSA\"]\nissuer = \"b\"\n"
    ));
    let output = run(&["config", "check", &path, "--strict"]).await;
    assert_eq!(text(&output.stderr), "");
    let expected = format!("ok: {path}: 8 settings, 0 rules, 5 keys\n");
    assert_eq!(text(&output.stdout), expected);
    expect_ok(
        &["--config", &path, "--set", "tokens.leeway=1m"],
        &[("WAVECAST_TOKENS_AUDIENCE", "a, b")],
    )
    .await;
}

#[tokio::test]
async fn tokens_without_a_key_are_a_problem() {
    let message = "no token can be verified without a key; add [[tokens.keys]] or [[tokens.jwks]]";
    for config in [
        "\n[tokens]\n",
        "\n[tokens]\nleeway = \"1s\"\n",
        "\n[tokens]\nkeys = []\n",
    ] {
        expect_problems_of(config, &[&format!("2: `tokens`: {message}")]).await;
    }
    let expected = format!("WAVECAST_TOKENS_LEEWAY: {message}");
    expect_problem_of("WAVECAST_TOKENS_LEEWAY", "1s", &expected).await;
}

#[tokio::test]
async fn each_mistake_in_a_key_is_reported_where_it_is() {
    let config = format!(
        "[[tokens.keys]]\nalgorithm = \"HS256\"\nsecret_file = \"short.secret\"\n\
         [[tokens.keys]]\nalgorithm = \"HS256\"\nsecret = \"{}\"\n\
         [[tokens.keys]]\nalgorithm = \"HS256\"\nsecret_file = \"missing\"\n\
         [[tokens.keys]]\nalgorithm = \"HS256\"\nsecret_file = \"public.pem\"\n\
         [[tokens.keys]]\nalgorithm = \"RS256\"\npublic_key_file = \"public.pem\"\n\
         [[tokens.keys]]\nalgorithm = \"ES256\"\npublic_key_file = \"token.secret\"\n\
         [[tokens.keys]]\nalgorithm = \"ES256\"\nsecret_file = \"token.secret\"\n\
         [[tokens.keys]]\nalgorithm = \"HS256\"\npublic_key_file = \"public.pem\"\n\
         [[tokens.keys]]\nalgorithm = \"HS256\"\n\
         [[tokens.keys]]\nsecret = \"{SECRET}\"\n\
         [[tokens.keys]]\nalgorithm = \"hs256\"\nid = 5\nsecret = 5\nsecrt_file = \"x\"\n\
         [[tokens.keys]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\nsecret_file = \"token.secret\"\n",
        &SECRET[1..]
    );
    let all = "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA";
    expect_problems_of(
        &config,
        &[
            "3: `tokens.keys.secret_file`: HERE/short.secret: the secret has 31 bytes; it must have at least 32",
            "6: `tokens.keys.secret`: the secret has 31 bytes; it must have at least 32",
            "9: `tokens.keys.secret_file`: cannot read the file (a relative path starts at this folder): No such file or directory (os error 2)",
            "12: `tokens.keys.secret_file`: HERE/public.pem: this is a key or certificate in PEM form, not a secret",
            "15: `tokens.keys.public_key_file`: HERE/public.pem: the key does not fit the algorithm, which needs an RSA key",
            "18: `tokens.keys.public_key_file`: HERE/token.secret: this is not a public key in PEM form (`-----BEGIN PUBLIC KEY-----`)",
            "21: `tokens.keys.secret_file`: the algorithm needs an EC key on P-256, not a secret",
            "24: `tokens.keys.public_key_file`: the algorithm needs a secret",
            "25: `tokens.keys`: HS256 needs `secret_file` or `secret`",
            "27: `tokens.keys`: a key needs an `algorithm`",
            &format!("30: `tokens.keys.algorithm`: \"hs256\" is not one of {all}; did you mean `HS256`?"),
            "31: `tokens.keys.id`: 5 is not a text, or empty",
            "32: `tokens.keys.secret`: is not a text",
            "33: unknown key `tokens.keys.secrt_file`; did you mean `secret_file`?",
            "37: `tokens.keys.secret_file`: `secret` is already given",
        ],
    )
    .await;
}

#[tokio::test]
async fn each_mistake_in_a_key_set_is_reported_where_it_is() {
    let config = "[[tokens.jwks]]\nurl = \"http://app.example/\"\nalgorithms = [\"HS256\", \"X\"]\n\
         [[tokens.jwks]]\nurl = \"https://ada:pw@app.example/\"\nalgorithms = []\nrefresh = \"0s\"\n\
         [[tokens.jwks]]\nurl = \"https://app.example/\"\nissuer = \"\"\nrefesh = \"1m\"\n\
         [[tokens.jwks]]\nurl = \"https://app.example/\"\n";
    let all = "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA";
    expect_problems_of(
        config,
        &[
            "2: `tokens.jwks.url`: must begin with https://; http:// is only for loopback addresses",
            "3: `tokens.jwks.algorithms`: HS256 needs a secret, and everybody can read a key set",
            &format!("3: `tokens.jwks.algorithms`: \"X\" is not one of {all}"),
            "5: `tokens.jwks.url`: must not contain a user or a password",
            "6: `tokens.jwks.algorithms`: a list is not a list of algorithms; write [\"RS256\"]",
            "7: `tokens.jwks.refresh`: 0s must be at least 1s",
            "10: `tokens.jwks.issuer`: \"\" is not a text, or empty",
            "11: unknown key `tokens.jwks.refesh`; did you mean `refresh`?",
            "12: `tokens.jwks`: a key set needs a `url` and its `algorithms`",
        ],
    )
    .await;
    let config = "[[tokens.jwks]]\nurl = \"https://a.example/\"\nalgorithms = [\"RS256\"]\n\
         [[tokens.jwks]]\nurl = \"https://b.example/\"\nalgorithms = [\"RS256\"]\nissuer = \"b\"\n";
    let message = "1: `tokens.jwks`: with more than one key set, each needs an `issuer`";
    expect_problems_of(config, &[message]).await;
}

#[tokio::test]
async fn a_mistake_in_the_section_gets_a_suggestion() {
    let config = "[tokens]\naudience = \"wavecast\"\nkyes = 1\nlee_way = \"1s\"\njwks = 5\n\
         [[tokens.keys]]\nalgorithm = \"HS256\"\nsecret_file = \"token.secret\"\n\
         [tokn]\n";
    expect_problems_of(
        config,
        &[
            "2: `tokens.audience`: \"wavecast\" is not a list; write [\"wavecast\"]",
            "3: unknown key `tokens.kyes`; did you mean `keys`?",
            "4: unknown key `tokens.lee_way`; did you mean `leeway`?",
            "5: `tokens.jwks` is a list; write each entry as [[tokens.jwks]]",
            "9: unknown key `tokn`; did you mean `tokens`?",
        ],
    )
    .await;
}
