//! The page and the JavaScript client that the server serves.

use crate::support::{TestServer, config};

#[tokio::test]
async fn the_page_is_served_with_every_file_it_names_by_relative_addresses() {
    let server = TestServer::start_default().await;
    let page = server.http("GET", "/", None).await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let mut files: Vec<String> = ["href=\"", "src=\""]
        .iter()
        .flat_map(|start| page.body.split(start).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .filter(|address| !address.starts_with("https://"))
        .map(|address| resolve("/", address))
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for index in 0.. {
        let Some(path) = files.get(index).cloned() else {
            break;
        };
        let file = server.http("GET", &path, None).await;
        assert_eq!(file.status, 200, "{path}");
        let policy = file.header("content-security-policy").unwrap_or_default();
        let is_of_page = path.starts_with("/page/");
        assert_eq!(
            policy.starts_with("default-src 'none'"),
            is_of_page,
            "{path}"
        );
        for address in imports(&file.body) {
            assert!(address.starts_with('.'), "{path} imports {address}");
            let imported = resolve(&path, address);
            if !files.contains(&imported) {
                files.push(imported);
            }
        }
    }
    let scripts = files.iter().filter(|path| path.starts_with("/page/"));
    assert!(scripts.count() > 10, "{files:?}");
    for absent in ["/page/page.html", "/page/nothing.js", "/page/", "/page"] {
        let refused = server.http("GET", absent, None).await;
        refused.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn the_policy_allows_only_files_of_this_server() {
    let server = TestServer::start_default().await;
    let page = server.http("GET", "/", None).await;
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert!(!page.body.contains("<style") && !page.body.contains(" style="));
    let version = format!(">{}</small>", env!("CARGO_PKG_VERSION"));
    assert!(page.body.contains(&version), "{version}");
}

#[tokio::test]
async fn an_application_can_leave_the_page_out() {
    let server = TestServer::start(config(|config| config.start_page = false)).await;
    let page = server.http("GET", "/", None).await;
    page.expect_problem(404, "not_found");
    assert!(page.body.contains("--page on"), "{}", page.body);
    let file = server.http("GET", "/page/app.js", None).await;
    file.expect_problem(404, "not_found");
    let client = server.http("GET", "/wavecast.js", None).await;
    assert_eq!(client.status, 200);
}

/// The addresses that a script imports. A script may also contain other languages' imports as text.
fn imports(script: &str) -> impl Iterator<Item = &str> {
    let lines = script.lines().filter(|line| line.starts_with("import "));
    lines.filter_map(|line| line.split_once(" from '")?.1.split('\'').next())
}

/// The path that a relative address means in the script at `base`.
fn resolve(base: &str, address: &str) -> String {
    let mut path: Vec<&str> = base.split('/').collect();
    path.pop();
    for part in address.split('/') {
        match part {
            "." => {}
            ".." => {
                path.pop();
            }
            name => path.push(name),
        }
    }
    path.join("/")
}

#[tokio::test]
async fn the_javascript_client_is_served_with_every_module_it_imports() {
    let server = TestServer::start_default().await;
    let mut scripts = vec!["/wavecast.js".to_owned()];
    for index in 0.. {
        let Some(path) = scripts.get(index).cloned() else {
            break;
        };
        let script = server.http("GET", &path, None).await;
        assert_eq!(script.status, 200, "{path}");
        let content_type = script.header("content-type").unwrap();
        assert!(content_type.starts_with("text/javascript"), "{path}");
        for address in imports(&script.body) {
            let imported = resolve(&path, address);
            if !scripts.contains(&imported) {
                scripts.push(imported);
            }
        }
    }
    assert!(scripts.len() > 5, "{scripts:?}");
    let script_tag = server.http("GET", "/wavecast.iife.js", None).await;
    assert_eq!(script_tag.status, 200);
    let content_type = script_tag.header("content-type").unwrap();
    assert!(content_type.starts_with("text/javascript"));
    let is_left = |line: &str| line.starts_with("import ") || line.starts_with("export ");
    assert!(
        !script_tag.body.lines().any(is_left),
        "not a classic script"
    );
    server
        .http("GET", "/wavecast/nothing.js", None)
        .await
        .expect_problem(404, "not_found");
}
