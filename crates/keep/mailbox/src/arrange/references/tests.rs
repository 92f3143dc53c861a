use std::collections::BTreeSet;

use postroom_runtime::clock::Clock;
use proptest::prelude::*;

use super::*;
use crate::arrange::base_subject;
use crate::arrange::forest::Step;
use crate::arrange::forest::tests::told;

/// `id < reference reference: subject`; a message's number is its place, so is its date.
fn message(number: usize, line: &str) -> Threaded {
    let (ids, subject) = line.split_once(':').unwrap();
    let (id, references) = ids.split_once('<').unwrap_or((ids, ""));
    let hash = |word: &str| {
        word.bytes()
            .fold(7_u64, |sum, byte| sum * 31 + u64::from(byte))
    };
    let base = base_subject(subject.trim().as_bytes());
    let id = id.trim();
    Threaded {
        id: (!id.is_empty()).then(|| hash(id)),
        references: references.split_whitespace().map(hash).collect(),
        subject: Collated::new(&base.text),
        is_reply: base.is_reply,
        sent: number as u64,
    }
}

#[track_caller]
fn check(lines: &[&str], expected: &str) {
    let messages: Vec<_> = (0..)
        .zip(lines)
        .map(|(number, line)| message(number, line))
        .collect();
    assert_eq!(told(&by_references(&messages)), expected, "{lines:?}");
}

#[test]
fn answers_stand_below_what_they_answer() {
    check(
        &["a: x", "b < a: y", "c < a b: z", "d < a: w"],
        "(0 (1 2)(3))",
    );
    check(&["c < a b: z", "b < a: y", "a: x"], "(2 1 0)");
    check(&["a: x", "b: y", ": z", ": w"], "(0)(1)(2)(3)");
}

#[test]
fn absent_messages_stay_only_above_several() {
    check(&["b < a: x", "c < a: y"], "((0)(1))");
    check(&["b < a: x"], "(0)");
    check(&["c < a b: x", "d < a: y"], "((0)(1))");
    check(&["d < a b c: x", "e < a b: y", "r: z"], "((0)(1))(2)");
    // Below a message that is there nothing absent stays.
    check(&["a: x", "c < a b: y", "d < a b: z"], "(0 (1)(2))");
}

#[test]
fn the_word_of_a_message_on_its_parent_counts_most() {
    // `c` says that b answers a; b says that it answers d.
    check(&["a: x", "d: y", "c < a b: z", "b < d: w"], "(0)(1 3 2)");
    // b says that it answers nothing.
    check(&["a: x", "c < a b: z", "b: w"], "(0)(2 1)");
}

#[test]
fn rings_are_not_made() {
    check(&["a < a: x"], "(0)");
    check(&["a < b: x", "b < a: y"], "(1 0)");
    check(&["a < c: x", "b < a: y", "c < b: z"], "(2 0 1)");
    check(&["a < b c b: x"], "(0)");
}

#[test]
fn the_first_of_one_identifier_bears_it() {
    check(&["a: x", "a: y", "b < a: z"], "(0 2)(1)");
}

#[test]
fn subjects_join_threads() {
    // An answer goes below what it answers (step 5.C, third rule).
    check(&["a: tea", "b: Re: tea"], "(0 1)");
    check(&["a: Re: tea", "b: tea"], "(1 0)");
    // Two of a kind become siblings (last rule).
    check(&["a: tea", "b: tea"], "((0)(1))");
    check(&["a: Re: tea", "b: Fwd: tea"], "((0)(1))");
    check(&["a: tea", "b: tea", "c: Re: tea"], "((0)(1)(2))");
    check(&["a: ", "b: "], "(0)(1)");
    // One that is not there takes all (first two rules).
    check(&["b < a: tea", "c < a: tea", "d: Re: tea"], "((0)(1)(2))");
    check(
        &["b < a: tea", "c < a: x", "e < d: tea", "f < d: y"],
        "((0)(1)(2)(3))",
    );
    // The subject of a thread is that of its root, whatever its answers say.
    check(&["a: tea", "b < a: milk", "c: milk"], "(0 1)(2)");
    check(&["a: TEA", "b: re: Tea"], "(0 1)");
}

#[test]
fn siblings_stand_by_date() {
    let mut messages: Vec<_> = (0..)
        .zip(["a: x", "b < a: y", "c < a: z", "d: w"])
        .map(|(number, line)| message(number, line))
        .collect();
    messages[0].sent = 9;
    messages[1].sent = 8;
    messages[2].sent = 7;
    messages[3].sent = 8;
    assert_eq!(told(&by_references(&messages)), "(3)(0 (2)(1))");
}

fn any_message() -> impl Strategy<Value = Threaded> {
    let id = proptest::option::weighted(0.9, 0_u64..12);
    let references = proptest::collection::vec(0_u64..16, 0..5);
    let subject = prop_oneof![Just(""), Just("tea"), Just("milk")];
    (id, references, subject, any::<bool>(), 0_u64..4).prop_map(
        |(id, references, subject, is_reply, sent)| Threaded {
            id,
            references: references.into(),
            subject: Collated::new(subject),
            is_reply,
            sent,
        },
    )
}

proptest! {
    #[test]
    fn each_message_stands_once(messages in proptest::collection::vec(any_message(), 0..24)) {
        let forest = by_references(&messages);
        let steps = forest.steps();
        let mut depth = 0_i64;
        let mut seen = BTreeSet::new();
        for step in &steps {
            match step {
                Step::Open => depth += 1,
                Step::Close => depth -= 1,
                Step::Message(place) => {
                    prop_assert!(seen.insert(*place), "{} stands twice", place);
                    prop_assert!(depth > 0);
                }
            }
            prop_assert!(depth >= 0);
        }
        prop_assert_eq!(depth, 0);
        prop_assert_eq!(seen.len(), messages.len());
        prop_assert!(!steps.windows(2).any(|pair| pair == [Step::Open, Step::Close]));
        // What is not there is at the top only, above two at least.
        for (node, below) in (0..).zip(&forest.children) {
            let is_absent = |node: u32| node as usize >= messages.len();
            prop_assert!(!below.iter().any(|&child| is_absent(child)));
            if forest.roots.contains(&node) && is_absent(node) {
                prop_assert!(below.len() >= 2);
            }
        }
    }

    /// A message whose parent is there, is no ring and does not contradict, stands below it.
    #[test]
    fn simple_answers_find_their_parents(parents in proptest::collection::vec(any::<prop::sample::Index>(), 1..40)) {
        let messages: Vec<Threaded> = (0_u64..)
            .zip(&parents)
            .map(|(number, parent)| Threaded {
                id: Some(number),
                references: (number > 0)
                    .then(|| parent.index(usize::try_from(number).unwrap_or(1)) as u64)
                    .into_iter()
                    .collect(),
                subject: Collated::default(),
                is_reply: false,
                sent: number,
            })
            .collect();
        let forest = by_references(&messages);
        prop_assert_eq!(&forest.roots, &[0]);
        for (number, message) in (0..).zip(&messages).skip(1) {
            let parent = u32::try_from(message.references[0]).unwrap();
            prop_assert!(forest.children_of(parent).contains(&number));
        }
    }
}

/// Threads that are as odd as can be take no longer than others.
#[test]
fn attack_f03_chains_and_rings_end() {
    let count = 100_000_u64;
    let plain = |id: u64, references: Vec<u64>| Threaded {
        id: Some(id),
        references: references.into(),
        subject: Collated::default(),
        is_reply: false,
        sent: id,
    };
    let clock = Clock::system();
    let started = clock.now();
    let down: Vec<_> = (0..count)
        .map(|id| plain(id, id.checked_sub(1).into_iter().collect()))
        .collect();
    assert_eq!(by_references(&down).roots.len(), 1);
    let up: Vec<_> = (0..count).rev().map(|id| plain(id, vec![id + 1])).collect();
    assert_eq!(by_references(&up).roots.len(), 1);
    let ring: Vec<_> = (0..count)
        .map(|id| plain(id, vec![(id + 1) % count]))
        .collect();
    let steps = by_references(&ring).steps();
    let told = steps.iter().filter(|step| matches!(step, Step::Message(_)));
    assert_eq!(told.count() as u64, count);
    let absent: Vec<_> = (0..20_000)
        .map(|id| plain(id, (0..50).map(|n| 1_000_000 + id * 50 + n).collect()))
        .collect();
    assert_eq!(by_references(&absent).roots.len(), 20_000);
    let elapsed = clock.now().duration_since(started);
    assert!(elapsed.as_secs() < 60, "{elapsed:?}");
}
