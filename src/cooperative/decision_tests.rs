//! Tests of figures 8 to 11: every path is taken, and each result is compared with a second,
//! independent description of the figures.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::cooperative::words::Pool::{
    Committed, GrantedLeak, GrantedPause, LoanedEfficiency, LoanedPause,
};

const SIZE: u64 = 64;

fn standing(free: [u64; 5], collateral: u64) -> Standing {
    let mut amounts = free.iter();
    let free = Amounts::each(|_| *amounts.next().unwrap());
    Standing { free, room: Amounts::each(|_| u64::MAX), collateral }
}

fn path(reason: Reason, free: [u64; 5], collateral: u64) -> String {
    decide(SIZE, SIZE, reason, &standing(free, collateral)).path.to_string()
}

#[test]
fn a_pause_without_collateral_is_granted_from_gp() {
    let decision = decide(SIZE, SIZE, Reason::Pause, &standing([0, 0, 64, 64, 64], 0));
    assert_eq!(decision.path.to_string(), "800-801-802-812-900-906-912-914");
    assert_eq!(decision.pool, Some(GrantedPause));
}

#[test]
fn a_pause_asks_for_sufficient_collateral_and_efficiency_for_any() {
    let pools = [0, 64, 64, 64, 64];
    assert_eq!(path(Reason::Pause, pools, SIZE), "800-801-802-812-900-902-904-908");
    assert_eq!(path(Reason::Pause, pools, SIZE - 1), "800-801-802-812-900-906-912-914");
    assert_eq!(path(Reason::Efficiency, pools, 1), "800-801-802-813-1100-1104-1108-1110");
    assert_eq!(path(Reason::Efficiency, pools, 0), "800-801-802-813-1100-1114-1106");
}

#[test]
fn one_byte_of_garbage_secures_an_efficiency_loan_of_any_size() {
    let standing = standing([0, 0, 0, 1 << 40, 0], 1);
    let decision = decide(1 << 40, 1 << 40, Reason::Efficiency, &standing);
    assert_eq!(decision.pool, Some(LoanedEfficiency));
}

#[test]
fn an_urgent_efficiency_request_may_end_in_le_without_collateral() {
    let decision = decide(SIZE, SIZE, Reason::UrgentEfficiency, &standing([0, 0, 0, 64, 0], 0));
    assert_eq!(decision.path.to_string(), "800-801-802-813-1100-1114-1116-900-906-920-924-928");
    assert_eq!(decision.pool, Some(LoanedEfficiency));
}

#[test]
fn an_urgent_efficiency_request_may_come_to_le_a_second_time() {
    let twice = "800-801-802-813-1100-1104-1108-1114-1116-900-902-906-920-924-926";
    assert_eq!(path(Reason::UrgentEfficiency, [0, 0, 0, 32, 0], SIZE), twice);
}

#[test]
fn without_loaned_pools_nothing_is_lent() {
    assert_eq!(
        path(Reason::Efficiency, [64, 64, 64, 0, 0], SIZE),
        "800-801-802-813-1100-1104-1114-1106"
    );
    assert_eq!(
        path(Reason::Pause, [64, 64, 64, 0, 0], SIZE),
        "800-801-802-812-900-902-906-912-914"
    );
    assert_eq!(path(Reason::Pause, [64, 64, 0, 0, 0], SIZE), "800-801-802-812-900-902-906-920-922");
}

#[test]
fn a_cap_on_the_process_is_a_limit_as_what_is_free_is() {
    let mut standing = standing([128; 5], SIZE);
    standing.room = Amounts::each(|_| SIZE - 1);
    let path = |reason| decide(SIZE, SIZE, reason, &standing).path.to_string();
    assert_eq!(path(Reason::Committed), "800-801-803-full");
    assert_eq!(path(Reason::OutOfMemory), "800-801-802-804-1200-1204-1206");
    assert_eq!(path(Reason::Pause), "800-801-802-812-900-902-904-906-912-920-924-926");
}

/// Four kinds of a pool, as its free bytes and its room: none are free, too few are, the room is
/// too small, and both are just enough.
const KINDS: [(u64, u64); 4] = [(0, SIZE), (SIZE - 1, SIZE), (SIZE, SIZE - 1), (SIZE, SIZE)];

/// Calls `f` with each reason, each combination of `KINDS` for the five pools, and each collateral
/// at which a decision may change.
fn for_each_standing(mut f: impl FnMut(Reason, &Standing)) {
    for reason in Reason::ALL {
        for case in 0..KINDS.len().pow(5) {
            let kind = |pool: Pool| KINDS[case / KINDS.len().pow(pool as u32) % KINDS.len()];
            for collateral in [0, 1, SIZE - 1, SIZE, SIZE + 1] {
                let free = Amounts::each(|pool| kind(pool).0);
                let room = Amounts::each(|pool| kind(pool).1);
                f(reason, &Standing { free, room, collateral });
            }
        }
    }
}

/// Decides without boxes: lists the pools that may be tried, in order, and returns the first that
/// has enough.
fn told_anew(reason: Reason, standing: &Standing) -> Option<Pool> {
    let enough = |pool: &Pool| standing.free[*pool].min(standing.room[*pool]) >= SIZE;
    let (sufficient, any) = (standing.collateral >= SIZE, standing.collateral > 0);
    let mut tries = Vec::new();
    match reason {
        Reason::Committed => tries.push((Committed, true)),
        Reason::OutOfMemory => tries.push((GrantedLeak, true)),
        _ => {}
    }
    if matches!(reason, Reason::Efficiency | Reason::UrgentEfficiency) {
        tries.push((LoanedEfficiency, any));
    }
    if matches!(reason, Reason::Pause | Reason::UrgentEfficiency) {
        tries.extend([(LoanedPause, sufficient), (GrantedPause, true), (LoanedEfficiency, true)]);
    }
    tries.into_iter().filter(|(_, may)| *may).map(|(pool, _)| pool).find(enough)
}

/// Returns the arrows of the figures: for each box, the boxes that may follow it.
fn arrows() -> BTreeMap<u16, Vec<u16>> {
    BTreeMap::from([
        (800, vec![801]),
        (801, vec![803, 802]),
        (802, vec![804, 812, 813]),
        (803, vec![FULL]),
        (804, vec![1200]),
        (812, vec![900]),
        (813, vec![1100]),
        (900, vec![902, 906]),
        (902, vec![904, 906]),
        (904, vec![906, 908]),
        (906, vec![912, 920]),
        (912, vec![914, 920]),
        (920, vec![922, 924]),
        (924, vec![926, 928]),
        (1100, vec![1104, 1114]),
        (1104, vec![1108, 1114]),
        (1108, vec![1110, 1114]),
        (1114, vec![1106, 1116]),
        (1116, vec![900]),
        (1200, vec![1202, 1204]),
        (1204, vec![1206, 1208]),
    ])
}

#[test]
fn every_decision_is_a_path_of_the_figures_and_every_arrow_is_taken() {
    let arrows = arrows();
    let (mut taken, mut ends) = (BTreeSet::new(), BTreeSet::new());
    for_each_standing(|reason, standing| {
        let Decision { pool, path } = decide(SIZE, SIZE, reason, standing);
        assert_eq!(pool, told_anew(reason, standing), "{reason:?} {standing:?}: {path}");
        assert!(pool.is_none_or(|pool| pools_for(reason).contains(&pool)));
        assert!(looked_at(&path).all(|pool| pools_for(reason).contains(&pool)));
        for pair in path.boxes().windows(2) {
            assert!(arrows[&pair[0]].contains(&pair[1]), "{path}");
            taken.insert((pair[0], pair[1]));
        }
        let last = *path.boxes().last().unwrap();
        let gives = match last {
            803 => Some(Committed),
            908 => Some(LoanedPause),
            914 => Some(GrantedPause),
            928 | 1110 => Some(LoanedEfficiency),
            1208 => Some(GrantedLeak),
            _ => None,
        };
        assert_eq!(gives, pool, "{path}");
        ends.insert(last);
    });
    let all = arrows.iter().flat_map(|(from, to)| to.iter().map(|to| (*from, *to)));
    assert_eq!(taken, all.collect());
    assert_eq!(ends, [FULL, 803, 908, 914, 922, 926, 928, 1106, 1110, 1202, 1206, 1208].into());
}

#[test]
fn what_was_looked_at_is_what_could_have_given() {
    let decision = decide(SIZE, SIZE, Reason::UrgentEfficiency, &standing([0; 5], SIZE));
    let pools: Vec<Pool> = looked_at(&decision.path).collect();
    assert_eq!(pools, [LoanedEfficiency, LoanedPause, GrantedPause, LoanedEfficiency]);
}

#[test]
fn collateral_is_compared_with_what_was_asked_for_and_a_pool_with_the_block() {
    let path = |asked, collateral, lp| {
        let standing = standing([0, 0, 0, 0, lp], collateral);
        decide(asked, 1024, Reason::Pause, &standing).path.to_string()
    };
    assert_eq!(path(1000, 1000, 1024), "800-801-802-812-900-902-904-908");
    assert_eq!(path(1000, 999, 1024), "800-801-802-812-900-906-920-922");
    assert_eq!(path(1000, 1000, 1023), "800-801-802-812-900-902-904-906-920-922");
}
