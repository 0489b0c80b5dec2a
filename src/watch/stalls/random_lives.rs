//! Random lives of connections, held against what is promised.

use std::collections::HashMap;

use proptest::prelude::*;

use super::Host;
use super::stalls_tests::{LOOK, World, at, backward, peer, stalled};
use crate::model::{Afterwards, StallEvent, Timestamp, Verdict};

/// What the life of a connection does: it stalls, moves, ends, in steps of a look.
#[derive(Clone, Copy, Debug)]
enum Step {
    Stall { cookie: u64, host: u8, port: u16, is_backward: bool },
    Move(u64),
    End(u64),
    Says(Verdict),
    Wait(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u64..12, 1_u8..4, prop_oneof![Just(25_u16), Just(443)], any::<bool>())
            .prop_map(|(cookie, host, port, is_backward)| Step::Stall { cookie, host, port, is_backward }),
        2 => (0_u64..12).prop_map(Step::Move),
        2 => (0_u64..12).prop_map(Step::End),
        1 => prop_oneof![Just(Verdict::BlackHole), Just(Verdict::Clear), Just(Verdict::Inconclusive)].prop_map(Step::Says),
        4 => (1_u8..60).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Each stall is told once at most, each end once and only of what was told; no address twice within a minute; nothing stays.
    #[test]
    fn whatever_happens_each_stall_and_each_end_is_told_once(steps in steps(), took in 0.1_f64..8.0) {
        let mut world = World { took, ..World::new() };
        // The kernel never uses a cookie twice.
        let mut lives: HashMap<u64, u64> = HashMap::new();
        for step in steps {
            match step {
                Step::Stall { cookie, host, port, is_backward } => {
                    let life = lives.entry(cookie).or_insert(0);
                    let cookie = cookie + 100 * *life;
                    if !world.still.contains_key(&cookie) {
                        let make = if is_backward { backward } else { stalled };
                        world.stall(make(cookie, peer(host, port), 2.0));
                    }
                }
                Step::Move(cookie) => {
                    let cookie = cookie + 100 * lives.get(&cookie).copied().unwrap_or(0);
                    if let Some(one) = world.still.remove(&cookie) {
                        world.moving.insert(cookie, one);
                    }
                }
                Step::End(cookie) => {
                    let life = lives.entry(cookie).or_insert(0);
                    let number = cookie + 100 * *life;
                    *life += 1;
                    world.still.remove(&number);
                    world.moving.remove(&number);
                }
                Step::Says(verdict) => world.says = verdict,
                Step::Wait(looks) => world.run(world.now + f64::from(looks)),
            }
            world.run(world.now + LOOK);
        }
        let still: Vec<u64> = world.still.keys().copied().collect();
        world.run(world.now + 200.0);
        for cookie in still {
            let last = world.news.iter().rev().find(|(_, news)| news.connection.cookie == cookie);
            let is_told = last.is_some_and(|(_, news)| matches!(news.what, StallEvent::Stalled | StallEvent::Changed { .. }));
            prop_assert!(is_told, "{cookie} hangs, and the last that was told of it is {last:?}");
        }
        world.still.clear();
        world.moving.clear();
        world.run(world.now + 80.0);
        let mut open: HashMap<u64, bool> = HashMap::new();
        for (when, news) in &world.news {
            let is_open = open.entry(news.connection.cookie).or_default();
            let has_left = matches!(news.afterwards, Afterwards::GoneOn | Afterwards::Ended);
            match news.what {
                StallEvent::Stalled => {
                    prop_assert!(!*is_open, "{} is told twice, at {when}", news.connection.cookie);
                    *is_open = !has_left;
                }
                StallEvent::Changed { .. } => prop_assert!(*is_open && !has_left),
                StallEvent::MovesAgain | StallEvent::GivenUp | StallEvent::Ended => {
                    prop_assert!(*is_open, "an end at {when} without a beginning");
                    *is_open = false;
                }
            }
        }
        prop_assert!(open.values().all(|is_open| !is_open), "the end of each is told: {open:?}");
        let mut last: HashMap<Host, f64> = HashMap::new();
        for (when, order) in &world.orders {
            if let Some(before) = last.insert(order.host, *when) {
                prop_assert!(when - before >= 60.0, "{:?} after {}", order.host, when - before);
            }
        }
        prop_assert_eq!(world.stalls.rows(at(world.now)).count(), 0);
        prop_assert!(world.orders.iter().all(|(_, order)| !world.stalls.knows(&order.host)), "nothing stays");
        prop_assert_eq!(world.stalls.next_wake(), Timestamp::MAX);
    }
}
