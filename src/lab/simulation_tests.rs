//! Tests of the simulation: where the document's claim holds, where it fails, and that a run can be
//! repeated.

use super::*;

fn outcomes(shape: Shape) -> [RunOutcome; 3] {
    let demand = Demand::new(shape, 10, 10, 1);
    sharings(10).map(|sharing| run(sharing, &demand))
}

#[test]
fn a_pool_of_20x_serves_what_takes_50x_separately() {
    for shape in [Shape::Independent, Shape::FifthBusy] {
        let [separate, shared, _] = outcomes(shape);
        assert_eq!(separate.peak, 60 * X);
        assert!(shared.peak <= 30 * X, "{shared:?}");
        // Ten processes for 10 s: less than half a percent of their time.
        assert!(shared.paused_ms < 500, "{shape:?}: {shared:?}");
        assert_eq!(shared.failures, 0);
    }
}

#[test]
fn with_50x_shared_there_are_fewer_collections_and_pauses() {
    for shape in [Shape::Independent, Shape::FifthBusy] {
        let [separate, _, shared] = outcomes(shape);
        assert!(shared.collections < separate.collections, "{separate:?} {shared:?}");
        assert!(shared.paused_ms < separate.paused_ms, "{shape:?}: {separate:?} {shared:?}");
    }
}

#[test]
fn sharing_does_not_help_those_who_are_busy_at_once() {
    let [separate, shared, _] = outcomes(Shape::Correlated);
    assert!(shared.collections > 2 * separate.collections, "{separate:?} {shared:?}");
    assert!(shared.paused_ms > 10 * separate.paused_ms, "{separate:?} {shared:?}");
}

#[test]
fn a_process_that_leaks_fails_in_the_end_and_no_other_does() {
    let demand = Demand::new(Shape::Leaking, 10, 20, 1);
    let [separate, _, shared] = sharings(10).map(|sharing| run(sharing, &demand));
    assert!(separate.failures > shared.failures && shared.failures > 0, "{separate:?} {shared:?}");
    let [separate, shared, _] = outcomes(Shape::Independent);
    assert_eq!((separate.failures, shared.failures), (0, 0));
}

#[test]
fn the_same_seed_is_the_same_run() {
    let demand = |seed| Demand::new(Shape::Leaking, 5, 2, seed);
    assert_eq!(demand(3), demand(3));
    assert_ne!(demand(3), demand(4));
    let sharing = sharings(5)[1];
    assert_eq!(run(sharing, &demand(3)), run(sharing, &demand(3)));
}

#[test]
fn a_report_fits_80_columns_and_a_plot_is_one_document() {
    let text = report(3, 1, 1);
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    let sweep = sweep(2, 1, 1);
    let text = how_small(&sweep, 2, 1);
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    let svg = plot::svg(&plot::lines(&sweep, 2, 1));
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
}

#[test]
fn the_smallest_pool_is_the_one_before_the_first_that_fails_from_above() {
    let outcome = |refused| RunOutcome { refused, ..RunOutcome::default() };
    let sweep = [(1, 9), (2, 0), (3, 3), (4, 0), (6, 0)].map(|(x, refused)| (x, outcome(refused)));
    assert_eq!(smallest(&sweep, |outcome| outcome.refused == 0), Some(4));
    assert_eq!(smallest(&sweep, |outcome| outcome.refused > 9), None);
    assert_eq!(smallest(&sweep, |_| true), Some(1));
}
