//! Every scenario, in a simulated network with a virtual clock.

#[path = "common/scenario.rs"]
mod scenario;

#[test]
fn every_scenario_file_makes_sense() {
    let scenarios = scenario::load_all().unwrap();
    assert!(scenarios.len() > 60, "only {} scenarios", scenarios.len());
}
