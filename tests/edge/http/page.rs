//! The page and the JavaScript client that the server serves.

use crate::support::TestServer;

#[tokio::test]
async fn the_page_loads_nothing_from_other_origins() {
    let server = TestServer::start_default().await;
    let page = server.http("GET", "/", None).await;
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    assert!(
        page.body
            .contains("import { Wavecast } from './wavecast.js'")
    );
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
        for import in script
            .body
            .lines()
            .filter(|line| line.starts_with("import "))
        {
            let address = import.split('\'').nth(1).expect("a quoted address");
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
