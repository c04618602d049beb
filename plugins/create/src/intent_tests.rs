//! What a command line comes to, and what is refused.

use super::*;

#[test]
fn a_made_name_sorts_and_filters_and_fits() {
    let owner: UserId = "alice@example.com".parse().unwrap();
    let name = generate_name(&owner, None, 1_700_000_000, "x1y2z").unwrap();
    assert!(name.as_str().starts_with("alice-example-c-"), "{name}");
    assert!(name.as_str().ends_with("-1700000000-x1y2z"), "{name}");
    assert!(name.as_str().len() <= 51, "lab allows 51");
    let hash = labels::to_name_part(owner.as_str());
    let hash = hash.rsplit('-').next().unwrap();
    assert!(name.as_str().contains(&format!("-{hash}-")), "{name}");
    let long: UserId = format!("{}@example.com", "alice".repeat(9))
        .parse()
        .unwrap();
    let long = generate_name(&long, None, 1, "r").unwrap();
    let parts: Vec<&str> = long.as_str().split('-').collect();
    assert!(
        parts[1].len() == 8 && long.as_str().len() == 24 + "-1-r".len(),
        "{long}"
    );
    let begun = generate_name(&owner, Some(&"demo".parse().unwrap()), 1, "r").unwrap();
    assert_eq!(begun.as_str(), "demo-1-r");
}
