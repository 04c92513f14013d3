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
async fn a_server_that_was_taken_over_removes_nothing_that_the_other_one_writes() {
    let folder = Folder::new();
    let file = folder.file("history");
    let old = start(&file, &[]).await;
    let new = start(&file, &[]).await;
    let written = "history.01900000-0000-7000-8000-000000000000.tmp";
    for name in ["history.tmp", written] {
        fs::write(folder.file(name), "being written").unwrap();
    }
    let log = stop(old).await;
    assert!(log.contains("another server has been started"), "{log}");
    assert_eq!(folder.names(), [written, "history.owner", "history.tmp"]);
    stop(new).await;
    let names = folder.names();
    assert!(names.contains(&"history".to_owned()), "{names:?}");
}

#[tokio::test]
async fn what_a_save_that_was_cut_off_has_left_is_removed_at_the_next_start() {
    let folder = Folder::new();
    let file = folder.file("history");
    let left = "history.01900000-0000-7000-8000-000000000000.tmp";
    let others = "history.notes.tmp";
    for name in [left, others] {
        fs::write(folder.file(name), "what users were sent").unwrap();
    }
    let edge = start(&file, &[]).await;
    assert_eq!(folder.names(), [others, "history.owner"]);
    stop(edge).await;
    assert_eq!(folder.names(), ["history", others, "history.owner"]);
}

/// A link that leads nowhere cannot be written through, as a file of another user cannot be.
#[tokio::test]
async fn an_owner_mark_that_cannot_be_written_is_replaced() {
    let folder = Folder::new();
    let file = folder.file("history");
    symlink("/missing/owner", folder.file("history.owner")).unwrap();
    let edge = start(&file, &[]).await;
    publish_to(&edge, "news", 1).await;
    let log = stop(edge).await;
    assert!(log.contains("no history file"), "{log}");
    assert!(log.contains("histories saved"), "{log}");
    let owner = fs::read_to_string(folder.file("history.owner")).unwrap();
    assert_eq!(owner.len(), 36, "{owner}");
}

/// Nothing can be renamed to the name of a folder.
#[tokio::test]
async fn an_owner_mark_that_cannot_be_replaced_is_an_error_at_the_start() {
    let folder = Folder::new();
    let file = folder.file("history");
    let edge = start(&file, &[]).await;
    publish_to(&edge, "news", 1).await;
    stop(edge).await;
    fs::remove_file(folder.file("history.owner")).unwrap();
    fs::create_dir(folder.file("history.owner")).unwrap();
    let edge = start(&file, &[]).await;
    let log = stop(edge).await;
    assert!(log.contains("histories restored"), "{log}");
    assert!(log.contains("history.owner cannot be written"), "{log}");
    // Nobody else has marked it, so it can be saved nevertheless.
    assert!(log.contains("histories saved"), "{log}");
    assert_eq!(folder.names(), ["history", "history.owner"]);
}

#[tokio::test]
async fn a_file_that_was_set_aside_is_not_replaced_silently() {
    let folder = Folder::new();
    let file = folder.file("history");
    for (contents, said) in [("first", false), ("second", true)] {
        fs::write(&file, contents).unwrap();
        let log = stop(start(&file, &[]).await).await;
        assert!(log.contains("it was moved to"), "{log}");
        assert_eq!(log.contains("the one that was there was replaced"), said);
        let kept = fs::read_to_string(folder.file("history.rejected"));
        assert_eq!(kept.unwrap(), contents);
        fs::remove_file(&file).unwrap();
    }
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
