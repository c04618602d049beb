use super::*;

const YAML: &str =
    "currency: EUR\nbase: 0\ncompute: 40-60.5\nstorage: 4\nloadBalancer: 0.000001-1\n";

fn parse(name: &str, text: &str) -> Result<Prices> {
    Prices::parse(&Source::new(name, text).unwrap())
}

fn problems(text: &str) -> String {
    let error = parse("prices.yaml", text).unwrap_err();
    let hint = error
        .downcast_ref::<session_model::failure::ErrorWithHint>()
        .map(|error| error.hint.clone());
    format!("{error} [{}]", hint.unwrap_or_default())
}

#[test]
fn yaml_and_toml_are_the_same() {
    let yaml = format!(
        "{YAML}gpus: {{nvidia.com/gpu: 250-400}}\nstorageClasses: {{fast: 8}}\nsnapshots: 1.5\n"
    );
    let toml = "currency = 'EUR'\nbase = 0\ncompute = \"40-60.5\"\nstorage = 4\nloadBalancer = '0.000001-1'\nsnapshots = 1.5\n\
        [gpus]\n'nvidia.com/gpu' = '250-400'\n[storageClasses]\nfast = 8\n";
    let prices = parse("prices.yaml", &yaml).unwrap();
    assert_eq!(prices, parse("prices.toml", toml).unwrap());
    assert_eq!(prices, parse("standard input", toml).unwrap());
    assert_eq!(prices, parse("standard input", &yaml).unwrap());
    assert_eq!(
        prices.compute,
        PriceRange {
            low: 40 * MICROS,
            high: 60_500_000
        }
    );
    assert_eq!(
        prices.load_balancer,
        PriceRange {
            low: 1,
            high: MICROS
        }
    );
    assert_eq!(
        prices.gpus["nvidia.com/gpu"],
        PriceRange::of_units(250, 400)
    );
    assert_eq!(
        prices.snapshots,
        Some(PriceRange {
            low: 1_500_000,
            high: 1_500_000
        })
    );
}

#[test]
fn the_examples_of_the_page_are_the_default_prices_and_more() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/prices.md");
    let page = std::fs::read_to_string(page).unwrap();
    let block = |language: &str| {
        let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0
    };
    let yaml = parse("prices.yaml", block("yaml")).unwrap();
    assert_eq!(yaml, parse("prices.toml", block("toml")).unwrap());
    let document = Prices {
        gpus: BTreeMap::new(),
        storage_classes: BTreeMap::new(),
        snapshots: None,
        ..yaml.clone()
    };
    assert_eq!(document, Prices::default());
    assert!(yaml.snapshots.is_some() && !yaml.gpus.is_empty() && !yaml.storage_classes.is_empty());
}

#[test]
fn a_missing_price_is_named() {
    let without = YAML.replace("storage: 4\n", "storage:\n");
    assert_eq!(
        problems(&without),
        "prices.yaml:1:1: price \"storage\" is missing [add a price per month, or 0, such as storage: 5-10]"
    );
    let empty = problems("");
    assert!(
        empty.starts_with("4 problems\n  prices.yaml: price \"base\" is missing"),
        "{empty}"
    );
    let class = problems(&format!("{YAML}storageClasses: {{fast: }}\n"));
    assert!(
        class.contains("price \"storageClasses.fast\" is missing"),
        "{class}"
    );
}

#[test]
fn a_bad_price_is_named_with_its_place() {
    for (price, reason) in [
        ("-5", "must not be negative"),
        ("5--8", "must not be negative"),
        ("80-50", "the lower price comes first"),
        ("free", "must be a number or a range such as 50-80"),
        ("1e3", "must be a number or a range such as 50-80"),
        (".inf", "must be a number or a range such as 50-80"),
        ("'50,80'", "must be a number or a range such as 50-80"),
        ("50-", "must be a number or a range such as 50-80"),
        ("0.0000001", "must have at most 6 decimals"),
        ("10000000000", "must be at most 1000000000"),
        ("99999999999999999999", "must be at most 1000000000"),
    ] {
        let text = YAML.replace("storage: 4", &format!("storage: {price}"));
        let price = price.trim_matches('\'');
        assert_eq!(
            problems(&text),
            format!("prices.yaml:4:10: invalid price storage {price:?}: {reason} []")
        );
    }
    let list = problems(&YAML.replace("storage: 4", "storage: [5, 10]"));
    assert!(
        list.contains("storage must be a number or a range"),
        "{list}"
    );
    let gpu = problems(&format!("{YAML}gpus: {{nvidia.com/gpu: -1}}\n"));
    assert!(
        gpu.contains("invalid price gpus.nvidia.com/gpu \"-1\": must not be negative"),
        "{gpu}"
    );
    let toml = parse(
        "prices.toml",
        "base = -1\ncompute = 1\nstorage = 1\nloadBalancer = 1\n",
    )
    .unwrap_err();
    assert_eq!(
        toml.to_string(),
        "prices.toml:1:8: invalid price base \"-1\": must not be negative"
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_near_name() {
    let near = problems(&format!("{YAML}storageClass: {{fast: 3}}\n"));
    assert_eq!(
        near,
        "prices.yaml:6:1: unknown key \"storageClass\" [did you mean \"storageClasses\"?]"
    );
    let far = problems(&format!("{YAML}traffic: 3\n"));
    assert!(
        far.contains("known keys are currency, base, compute"),
        "{far}"
    );
}

#[test]
fn files_of_another_kind_are_refused() {
    assert!(problems("- 1\n").contains("prices must be a mapping"));
    assert!(problems(&format!("{YAML}---\n{YAML}")).contains("only document"));
    assert!(problems(&YAML.replace("EUR", "'US dollars'")).contains("invalid currency"));
    let syntax = parse("prices.toml", "base = \n").unwrap_err().to_string();
    assert!(
        syntax.contains("invalid TOML") && !syntax.contains("missing"),
        "{syntax}"
    );
}
