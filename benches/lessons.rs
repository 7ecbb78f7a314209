//! The answers to the questions of the lessons, as the pages ask them: a step of each lesson, and the
//! search for all schedules.
#![allow(missing_docs, reason = "a bench has no public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use leasebox::lessons::LESSONS;
use leasebox::lessons::settings::Settings;

const QUESTIONS: [(&str, &str, &str); 8] = [
    ("race", "view", "clients=A:4,B:2&moves=AAAAABABAABB"),
    ("race", "view", "clients=A:4,B:4,C:4,D:4,E:4&moves=ABCDEABCDEABCDEABCDEABCDEABCDEABCDEABCDE"),
    ("race", "all", "clients=A:4,B:2"),
    ("race", "all", "clients=A:1,B:1,C:1,D:1,E:1"),
    ("tree", "view", "moves=A40.B60.C20.-1.A40.B60.C20.-2.A40.B60.C20.-3"),
    ("weather", "view", "moves=0L.1L.2R"),
    ("headroom", "view", "moves=A:r2048.A:p2048.B:u2048.C:p3000"),
    ("message", "view", "moves=A:join.B:join.A:open:B.A:send:B:hello.1:copy.B:receive.2:copy"),
];

fn lessons(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lessons");
    group.sample_size(20);
    for (name, question, query) in QUESTIONS {
        let lesson = LESSONS.iter().find(|lesson| lesson.name == name).unwrap();
        let (_, answer) = lesson.questions.iter().find(|(known, _)| *known == question).unwrap();
        let settings = Settings::read(Some(query.as_bytes()), lesson.settings).unwrap();
        let short: String = query.chars().take(24).collect();
        group.bench_function(format!("{name}/{question} {short}"), |bencher| {
            bencher.iter(|| answer(black_box(&settings)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, lessons);
criterion_main!(benches);
