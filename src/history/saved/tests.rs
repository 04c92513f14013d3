use proptest::prelude::*;

use super::*;

fn topic(name: &str, publications: u64) -> SavedTopic<'_> {
    SavedTopic {
        is_room: false,
        name,
        epoch: "x3Kf9aLq0_Zd",
        newest: 41,
        publications,
        used_at: 1_700_000_000_000,
        owner: SavedOwner::Client([7; 16]),
    }
}

fn records() -> Vec<Record<'static>> {
    let publication = |message| {
        Record::Publication(SavedPublication {
            published_at: 1_700_000_000_000,
            message,
        })
    };
    vec![
        Record::Topic(topic("news", 2)),
        publication(b"one"),
        publication(&[b'x'; 300]),
        Record::Topic(topic("empty", 0)),
        Record::Key(SavedKey {
            channel: "news",
            id: "order-17",
            at: 1,
            recorded_at: 2,
            subscribers: 3,
        }),
        Record::End(SavedEnd {
            epochs: SavedEpochs {
                seed: u128::MAX / 3,
                forgotten_channels: 4,
                forgotten_rooms: 5,
                rules: 6,
            },
        }),
    ]
}

fn written() -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new()).unwrap();
    for record in records() {
        writer.write(&record).unwrap();
    }
    let length = writer.bytes();
    let bytes = writer.finish().unwrap();
    assert_eq!(length, bytes.len() as u64);
    bytes
}

/// Reads everything; with an error, nothing of it may be used.
fn read(bytes: &[u8]) -> Result<usize, ReadError> {
    let mut reader = Reader::begin(bytes)?;
    let mut records = 1;
    while !matches!(reader.next_record()?, Record::End(_)) {
        records += 1;
    }
    reader.expect_end()?;
    Ok(records)
}

#[test]
fn records_are_read_as_they_were_written() {
    let bytes = written();
    let mut reader = Reader::begin(&bytes[..]).unwrap();
    for record in records() {
        assert_eq!(reader.next_record().unwrap(), record);
    }
    reader.expect_end().unwrap();
}

#[test]
fn the_format_of_this_version_does_not_change() {
    let mut writer = Writer::begin(Vec::new()).unwrap();
    writer.write(&Record::Topic(topic("n", 0))).unwrap();
    let bytes = writer.finish().unwrap();
    let expected = [
        b"wavecast history 01\n".as_slice(),
        &[42, 0, 0, 0],
        &[0, 0, 1, b'n', 12],
        b"x3Kf9aLq0_Zd",
        &[41, 0, 128, 208, 149, 255, 188, 49, 1],
        &[7; 16],
    ];
    let expected = expected.concat();
    assert_eq!(bytes[..expected.len()], expected);
    assert_eq!(bytes.len(), expected.len() + 4);
}

#[test]
fn every_truncation_is_found() {
    let bytes = written();
    for end in 0..bytes.len() {
        assert!(
            matches!(read(&bytes[..end]), Err(ReadError::Truncated(_))),
            "{end}"
        );
    }
    assert!(matches!(
        read(&[&bytes[..], b"x"].concat()),
        Err(ReadError::Damaged(6))
    ));
}

#[test]
fn every_flipped_bit_is_found() {
    let bytes = written();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn another_version_is_named() {
    let bytes = String::from_utf8_lossy(&written()).replacen("history 01\n", "history 02\n", 1);
    let error = read(bytes.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "its format is version 02, and this server reads version 01"
    );
    let error = read(b"# a configuration file, not a history").unwrap_err();
    assert_eq!(error.to_string(), "it is not a history file");
}

#[test]
fn a_record_that_is_missing_repeated_or_moved_is_found() {
    let bytes = written();
    let mut starts = vec![HEADER.len()];
    while let Some(length) = bytes
        .get(starts[starts.len() - 1]..)
        .and_then(|rest| rest.first_chunk())
    {
        let length = u32::from_le_bytes(*length) as usize;
        starts.push(starts[starts.len() - 1] + 4 + length + 4);
    }
    assert_eq!(starts.len(), records().len() + 1);
    let piece = |index: usize| &bytes[starts[index]..starts[index + 1]];
    let header = &bytes[..HEADER.len()];
    let orders: [&[usize]; 4] = [
        &[0, 1, 3, 4, 5],
        &[0, 1, 1, 3, 4, 5],
        &[3, 4, 0, 1, 2, 5],
        &[5],
    ];
    for order in orders {
        let pieces: Vec<u8> = order
            .iter()
            .flat_map(|&index| piece(index).to_vec())
            .collect();
        assert!(read(&[header, &pieces].concat()).is_err(), "{order:?}");
    }
}

proptest! {
    #[test]
    fn damage_is_never_accepted(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..20),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = written();
        let original = bytes.clone();
        for (at, change) in changes {
            let at = at.index(bytes.len());
            bytes[at] ^= change;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        prop_assume!(bytes != original);
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_never_accepted(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read(&bytes).is_err());
        let behind_a_header = [&HEADER[..], &bytes].concat();
        prop_assert!(read(&behind_a_header).is_err());
    }
}
