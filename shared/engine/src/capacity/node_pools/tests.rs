use super::*;

fn rules() -> PoolRules {
    PoolRules {
        sessions_per_node: 10,
        gpus_per_node: 2,
        sessions_per_gpu: 4,
        headroom: 20,
        cpu_nodes: "1-50".parse().unwrap(),
        gpu_nodes: "0-20".parse().unwrap(),
        total_nodes: "3-100".parse().unwrap(),
        cpu_node: "cpu=16,memory=32Gi".parse().unwrap(),
        gpu_node: "cpu=4,memory=16Gi,gpus=1".parse().unwrap(),
        session: "cpu=1100m,memory=2176Mi".parse().unwrap(),
    }
}

/// Need and nodes of the CPU pool, then of the GPU pool.
fn count(active: u32, gpu_active: u32) -> [(u64, u64); 2] {
    let plan = count_nodes(active, gpu_active, &rules());
    plan.pools.map(|pool| (pool.need, pool.nodes))
}

#[test]
fn nodes_are_those_of_the_document_within_the_pools() {
    for (sessions, cpu, gpu) in [
        ((50, 0), (6, 6), (0, 0)),
        ((51, 1), (6, 6), (1, 1)),
        ((60, 8), (7, 7), (1, 1)),
        ((100, 20), (9, 9), (3, 3)),
        ((123, 17), (13, 13), (3, 3)),
        ((500, 160), (40, 40), (24, 20)),
        ((1000, 0), (120, 50), (0, 0)),
        ((8, 0), (1, 1), (0, 0)),
        ((0, 20), (0, 1), (3, 3)),
        ((0, 0), (0, 1), (0, 0)),
    ] {
        assert_eq!(count(sessions.0, sessions.1), [cpu, gpu], "{sessions:?}");
    }
}

#[test]
fn more_sessions_with_a_gpu_than_active_ones_are_no_negative_number() {
    let plan = count_nodes(0, 20, &rules());
    assert!(plan.is_gpu_above_active);
    assert_eq!(plan.pools[0].sessions, 0);
    assert!(!count_nodes(20, 20, &rules()).is_gpu_above_active);
}

#[test]
fn the_autoscaler_bounds_both_pools_together() {
    let total = |active, gpu, rules: &PoolRules| {
        let plan = count_nodes(active, gpu, rules);
        (plan.need, plan.nodes)
    };
    assert_eq!(total(8, 0, &rules()), (1, 3));
    assert_eq!(total(500, 160, &rules()), (64, 60));
    let wide = PoolRules {
        cpu_nodes: "1-500".parse().unwrap(),
        ..rules()
    };
    assert_eq!(total(2000, 0, &wide), (240, 100));
}

#[test]
fn requests_say_how_many_sessions_fit() {
    let [cpu, gpu] = count_nodes(500, 160, &rules()).pools;
    assert_eq!(
        (cpu.fit, cpu.need_by_requests),
        (Some((14, "cpu")), Some(30))
    );
    assert_eq!(
        (gpu.fit, gpu.need_by_requests),
        (Some((3, "cpu")), Some(64))
    );
    assert!(gpu.is_too_dense() && !cpu.is_too_dense());
}

#[test]
fn what_binds_is_named() {
    let fit = |node: &str, session: &str| {
        let mut rules = rules();
        (rules.gpu_node, rules.session) = (node.parse().unwrap(), session.parse().unwrap());
        count_nodes(8, 8, &rules).pools[1].fit
    };
    assert_eq!(
        fit("cpu=16,memory=8Gi", "cpu=1,memory=2Gi"),
        Some((4, "memory"))
    );
    assert_eq!(
        fit("cpu=64,memory=64Gi,gpus=1", "cpu=1,memory=2Gi"),
        Some((4, "GPUs"))
    );
    assert_eq!(
        fit("cpu=2,memory=8Gi", "cpu=4,memory=2Gi"),
        Some((0, "cpu"))
    );
    assert_eq!(fit("cpu=2,memory=8Gi", "cpu=0,memory=0"), None);
}

#[test]
fn a_session_that_fits_no_node_has_no_count_by_requests() {
    let large = PoolRules {
        session: "cpu=32,memory=1Gi".parse().unwrap(),
        ..rules()
    };
    let [cpu, _] = count_nodes(10, 0, &large).pools;
    assert_eq!((cpu.fit, cpu.need_by_requests), (Some((0, "cpu")), None));
}

#[test]
fn the_largest_figures_do_not_overflow() {
    let dense = PoolRules {
        headroom: u32::MAX,
        sessions_per_node: 1,
        ..rules()
    };
    let plan = count_nodes(u32::MAX, 0, &dense);
    assert_eq!(plan.pools[0].nodes, 50);
    assert!(plan.pools[0].need > u64::from(u32::MAX));
}

#[test]
fn ranges_and_sizes_are_checked() {
    for bad in ["", "5", "5-1", "-1-5", "a-b", "1-99999999999"] {
        assert!(bad.parse::<NodeRange>().is_err(), "{bad}");
    }
    assert_eq!("0-20".parse::<NodeRange>().unwrap().to_string(), "0-20");
    for (bad, reason) in [
        ("", "unknown resource \"\", known are cpu, memory and gpus"),
        (
            "cpu=4",
            "must name cpu and memory, such as cpu=4,memory=16Gi",
        ),
        ("cpu=x,memory=1Gi", "cpu must be a quantity, not \"x\""),
        ("cpu=1,memory=-1Gi", "memory must not be negative"),
        (
            "cpu=1,memory=1Gi,gpus=1.5",
            "gpus must be a whole number, not \"1.5\"",
        ),
        (
            "cpu=1,memory=1Gi,disk=1",
            "unknown resource \"disk\", known are cpu, memory and gpus",
        ),
    ] {
        assert_eq!(bad.parse::<ResourceSize>().unwrap_err(), reason, "{bad}");
    }
    let size: ResourceSize = "cpu=1100m, memory=2176Mi".parse().unwrap();
    assert_eq!(size.to_string(), "cpu=1100m,memory=2176Mi");
}
