//! Kubeconfig files in any encoding: read or refused; what was read can be merged with itself and changes nothing.
#![no_main]

use kube::config::Kubeconfig;
use libfuzzer_sys::fuzz_target;
use session_shared::client::kubeconfig_encoding::decode_kubeconfig;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode_kubeconfig(bytes) else {
        return;
    };
    let Ok(config) = Kubeconfig::from_yaml(&text) else {
        return;
    };
    let names = |config: &Kubeconfig| {
        let contexts = config.contexts.iter().map(|named| named.name.clone());
        (config.current_context.clone(), contexts.collect::<std::collections::BTreeSet<_>>())
    };
    let merged = config.clone().merge(config.clone()).expect("a file fits itself");
    assert_eq!(names(&merged), names(&config));
});
