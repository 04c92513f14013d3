//! The history file of two servers, and paths that are no files.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use super::restarts::{publish_to, reader, resume, start, stop};
use crate::support::Folder;

#[tokio::test]
async fn of_two_servers_with_one_file_the_one_that_was_started_last_saves() {
    let folder = Folder::new();
    let file = folder.file("history");
    let old = start(&file, &[]).await;
    publish_to(&old, "news", 1).await;
    let new = start(&file, &[]).await;
    publish_to(&new, "news", 1).await;
    publish_to(&new, "news", 2).await;
    let (_client, position) = reader(&new, "news").await;
    // Clients of the new one get numbers that the old one does not know.
    let log = stop(old).await;
    assert!(
        log.contains("histories not saved")
            && log.contains("another server has been started with the same history file"),
        "{log}"
    );
    assert_eq!(folder.names(), ["history.owner"]);
    stop(new).await;
    assert_eq!(folder.names(), ["history", "history.owner"]);
    let edge = start(&file, &[]).await;
    let mut client = edge.connect().await;
    let answer = resume(&mut client, "news", &position).await;
    assert_eq!(answer["recovered"], true, "{answer}");
}

#[tokio::test]
async fn a_server_that_stops_last_but_was_not_started_last_does_not_replace_the_file() {
    let folder = Folder::new();
    let file = folder.file("history");
    let old = start(&file, &[]).await;
    let new = start(&file, &[]).await;
    publish_to(&new, "news", 1).await;
    let (_client, position) = reader(&new, "news").await;
    stop(new).await;
    publish_to(&old, "news", 2).await;
    let log = stop(old).await;
    assert!(log.contains("histories not saved"), "{log}");
    let edge = start(&file, &[]).await;
    let mut client = edge.connect().await;
    let answer = resume(&mut client, "news", &position).await;
    assert_eq!(answer["recovered"], true, "{answer}");
}

#[tokio::test]
async fn what_is_not_a_file_is_left_alone() {
    let folder = Folder::new();
    let socket = folder.file("socket");
    let _socket = UnixListener::bind(&socket).unwrap();
    let edge = start(&socket, &[]).await;
    publish_to(&edge, "news", 1).await;
    let log = stop(edge).await;
    assert!(log.contains("it is not a regular file"), "{log}");
    assert!(log.contains("histories not saved"), "{log}");
    assert_eq!(folder.names(), ["socket"]);
    assert!(!fs::metadata(&socket).unwrap().is_file());
}

#[tokio::test]
async fn a_link_stands_for_the_file_that_it_leads_to() {
    let (folder, volume) = (Folder::new(), Folder::new());
    let link = folder.file("history");
    symlink(volume.file("kept"), &link).unwrap();
    let edge = start(&link, &[]).await;
    publish_to(&edge, "news", 1).await;
    let (_client, position) = reader(&edge, "news").await;
    stop(edge).await;
    assert_eq!(volume.names(), ["kept", "kept.owner"]);
    let edge = start(&link, &[]).await;
    // No later start finds it either, whatever becomes of the link.
    assert_eq!(volume.names(), ["kept.owner"]);
    assert_eq!(folder.names(), ["history"]);
    let mut client = edge.connect().await;
    let answer = resume(&mut client, "news", &position).await;
    assert_eq!(answer["recovered"], true, "{answer}");
}
