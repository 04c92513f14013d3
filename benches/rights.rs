//! What a command costs more because rights are checked. A subscription that resumes asks twice: about
//! subscribing, and about the past.
//!
//! The names match the last of the rules, and the last of the patterns that the token grants.

#![allow(missing_docs, reason = "criterion's macros define functions")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use wavecast::auth::{AccessRule, AccessRules, Action, Asked, Audience, Grants};
use wavecast::protocol::{Pattern, TopicKind};

/// Rules or patterns.
const COUNTS: [usize; 3] = [1, 16, 256];

fn rules(count: usize, last: &str, audience: Option<Audience>) -> AccessRules {
    let mut rules = AccessRules::default();
    for number in 1..count {
        let pattern = Pattern::parse(&format!("area-{number}:*")).expect("a pattern");
        rules.push(AccessRule::new(TopicKind::Channel, pattern));
    }
    let mut rule = AccessRule::new(TopicKind::Channel, Pattern::parse(last).expect("a pattern"));
    if let Some(audience) = audience {
        rule = rule.with(Action::Subscribe, audience);
    }
    rules.push(rule);
    rules
}

fn grants(count: usize) -> Grants {
    let others = (1..count).map(|number| format!(r#""area-{number}:*":["subscribe"]"#));
    let last = r#""chat:*":["subscribe","history"]"#.to_owned();
    let claim: Vec<String> = others.chain([last]).collect();
    Grants::from_claims(Some(&format!("{{{}}}", claim.join(","))), None).expect("grants")
}

fn asked<'a>(name: &'a str, grants: Option<&'a Grants>) -> Asked<'a> {
    Asked {
        kind: TopicKind::Channel,
        name,
        action: Action::Subscribe,
        user: Some("ada"),
        grants,
        granted: None,
        open: false,
    }
}

fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rights");
    for count in COUNTS {
        let users = rules(count, "inbox:{user}", Some(Audience::Users));
        group.bench_function(BenchmarkId::new("rules, own user", count), |bencher| {
            bencher.iter(|| {
                let asked = black_box(asked("inbox:ada", None));
                assert!(users.allows(asked));
            });
        });
        let (granted, none) = (grants(count), AccessRules::default());
        group.bench_function(BenchmarkId::new("grants of a token", count), |bencher| {
            bencher.iter(|| {
                let asked = black_box(asked("chat:room-17", Some(&granted)));
                assert!(none.allows(asked));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
