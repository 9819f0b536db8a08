//! What the readers accept and refuse; facts of the published traces; damaged files never end in a panic.

use super::*;
use crate::grid::real_table::shared;
use proptest::prelude::*;

fn table(text: &str) -> CsvTable {
    CsvTable::parse("north.csv", text.as_bytes()).expect("a header")
}

/// A table of the shared material; `None` where it is absent.
fn real(file: &str) -> Option<CsvTable> {
    let path = shared(&format!("data/workload/{file}"))?;
    Some(CsvTable::read(&path).expect("the shared table is good"))
}

fn quantile(mut values: Vec<f64>, p: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * p).round() as usize]
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found}, expected {expected} +- {tolerance}");
}

const PHILLY_HEADER: &str = "job_id,vc,submit_min,duration_min,gpus,qos,deadline_first_min,deadline_last_min,\
                             deadline_list_min,value_list,model_assigned";

#[test]
fn a_philly_job_keeps_its_deadlines_and_steps_of_value() {
    let text = format!(
        "{PHILLY_HEADER}\n1,a,1,173,1,soft,299,419,299-319-379-419,10-8-5-2,m\n2,a,2,60,0,strict,90,90,90,10,m\n\
         3,a,5,30,8,best,,,5,10,m\n"
    );
    let trace = read_philly(&table(&text)).expect("a good table");
    assert_eq!((trace.jobs.len(), trace.without_gpu), (2, 1));
    assert_eq!((trace.jobs[0].deadline_first_min, trace.jobs[0].deadline_last_min), (Some(299.0), Some(419.0)));
    assert_eq!(trace.jobs[0].value_steps, [(299.0, 10.0), (319.0, 8.0), (379.0, 5.0), (419.0, 2.0)]);
    assert_eq!((trace.jobs[1].deadline_last_min, trace.jobs[1].value_steps.len()), (None, 0));
}

#[test]
fn faults_are_named_by_line_column_and_expectation() {
    let words = |text: &str| read_jobs(&table(text), None).expect_err("a fault").to_string();
    assert_eq!(
        words(&format!("{PHILLY_HEADER}\n1,a,1,173,1,firm,299,419,299,10,m\n")),
        "north.csv:2: `qos` is `firm`, expected strict, soft or best\n\nhint: correct the cell, or delete the row"
    );
    assert_eq!(
        words("submit_h,duration_h,units\n0,1,1\n1,,2\n"),
        "north.csv:3: `duration_h` is ``, expected a number in 0 ..= 8760\n\nhint: delete the row if the value is unknown"
    );
    assert_eq!(
        words("submit_min,duration_min,gpus\n0,1\n"),
        "north.csv:2: the row has 2 cells, but the header has 3\n\nhint: leave a missing value empty and keep its comma"
    );
    assert_eq!(
        words("submit_min,duration_min\n0,1\n"),
        "north.csv:1: the column `gpus` is missing among `submit_min,duration_min`, expected it in the header of this \
         format\n\nhint: add or rename the column, or set `format` to that of the table"
    );
    assert!(
        words("a,b\n1,2\n").starts_with("north.csv:1: the header `a,b` is that of no known format, expected philly")
    );
    assert_eq!(
        words("submit_min,duration_min,gpus\n"),
        "north.csv: the table has no usable rows, expected a header and at least one job\n\nhint: export it again"
    );
    let far = words("submit_min,duration_min,gpus\n0,-5,1\n");
    assert!(far.starts_with("north.csv:2: `duration_min` is `-5`, expected a number in 0 ..= "), "{far}");
}

#[test]
fn a_table_of_ones_own_has_gpus_or_megawatts_classes_and_deadlines() {
    let text = "submit_min,duration_min,power_mw,class,deadline_min\n30,60,0.5,night,600\n0,90,0.25,day,\n5,9,0,day,\n";
    let trace = read_jobs(&table(text), None).expect("a good table");
    assert_eq!((trace.labels.clone(), trace.without_gpu), (vec!["night".to_string(), "day".into()], 1));
    let [first, second] = trace.jobs[..] else { panic!("two jobs") };
    assert_eq!((first.submit_min, first.size, first.label, first.deadline_min), (0.0, JobSize::PowerMw(0.25), 1, None));
    assert_eq!((second.submit_min, second.deadline_min), (30.0, Some(600.0)));
    let gpus = read_jobs(&table("submit_min,duration_min,gpus\n0,90,4\n"), None).expect("a good table");
    assert_eq!((gpus.jobs[0].size, gpus.labels), (JobSize::Gpus(4.0), vec!["job".to_string()]));
}

#[test]
fn a_window_out_of_order_and_an_unknown_service_are_refused_in_words() {
    let header = "t_s,service,requests_per_s,mean_output_tokens,rate_missing\n";
    let text = format!("{header}0,a,1.5,100,0\n600,a,0,100,1\n1800,a,2,100,0\n");
    assert_eq!(
        read_servegen(&table(&text)).expect_err("a gap").to_string(),
        "north.csv:4: `t_s` is 1800, expected 1200, a window of 600 s after the last of `a`\n\nhint: sort the table by \
         time and keep one row per window"
    );
    let good = table(&format!("{header}0,a,1.5,100,0\n600,a,0,,1\n"));
    let trace = read_service(&good, None, None).expect("a good table");
    assert_eq!(trace.windows[0], DemandWindow { requests_per_s: Some(1.5), output_tokens: Some(100.0) });
    assert_eq!(trace.windows[1], DemandWindow { requests_per_s: None, output_tokens: None });
    assert_eq!(
        read_service(&good, None, Some("b")).expect_err("no such service").to_string(),
        "north.csv: no row of the service `b`, expected one of a\n\nhint: set `service` to one of them"
    );
}

#[test]
fn a_fault_is_found_in_the_line_that_an_editor_shows() {
    for end in ["\n", "\r\n"] {
        let text = ["submit_min,duration_min,gpus", "0,1,1", "", "5,x,1", ""].join(end);
        let table = CsvTable::parse("north.csv", text.as_bytes()).expect("a header");
        let error = read_jobs(&table, None).expect_err("x is no number").to_string();
        assert!(error.starts_with("north.csv:4: `duration_min` is `x`, expected a number in 0 ..= "), "{error}");
    }
}

#[test]
fn a_cut_gzip_file_and_an_absent_file_are_refused_in_words() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"submit_min,duration_min,gpus\n0,1,1\n").expect("memory takes bytes");
    let whole = encoder.finish().expect("memory takes bytes");
    assert_eq!(read_jobs(&CsvTable::parse("a.gz", &whole).expect("gzip"), None).expect("jobs").jobs.len(), 1);
    let error = CsvTable::parse("a.gz", &whole[..whole.len() - 6]).expect_err("cut").to_string();
    assert!(error.starts_with("a.gz: the gzip stream ends after "), "{error}");
    assert!(error.ends_with("expected a whole file\n\nhint: copy or download the file again"), "{error}");
    let error = CsvTable::read(std::path::Path::new("no/such.csv")).expect_err("absent").to_string();
    assert!(error.starts_with("no/such.csv: the table cannot be read: "), "{error}");
}

#[test]
fn the_philly_trace_has_the_published_figures() {
    let Some(table) = real("gpu_jobs_philly_deadlines_days0-9.csv.gz") else { return };
    let trace = read_philly(&table).expect("the table is good");
    assert_eq!((trace.jobs.len(), trace.without_gpu), (23_937, 184));
    let of = |qos: Qos| trace.jobs.iter().filter(move |job| job.qos == qos);
    let durations = |p| quantile(trace.jobs.iter().map(|job| job.duration_min).collect(), p);
    assert_near(durations(0.5), 68.0, 1.0);
    assert_near(durations(0.9), 607.0, 10.0);
    let all: f64 = trace.jobs.iter().map(|job| job.gpus * job.duration_min).sum();
    let share = |qos| of(qos).map(|job| job.gpus * job.duration_min).sum::<f64>() / all;
    for (qos, expected) in [(Qos::Soft, 0.61), (Qos::Strict, 0.29), (Qos::Best, 0.10)] {
        assert_near(share(qos), expected, 0.006);
    }
    let first = |job: &PhillyJob| job.deadline_first_min.map(|d| (d - job.duration_min) / job.duration_min);
    let last = |job: &PhillyJob| job.deadline_last_min.map(|d| (d - job.duration_min) / job.duration_min);
    let first: Vec<f64> = trace.jobs.iter().filter_map(first).collect();
    for (p, expected) in [(0.1, 0.39), (0.5, 0.97), (0.9, 2.0)] {
        assert_near(quantile(first.clone(), p), expected, 0.02);
    }
    assert_near(quantile(of(Qos::Soft).filter_map(last).collect(), 0.5), 2.7, 0.05);
    let slack_min = |job: &PhillyJob| job.deadline_first_min.map(|d| d - job.duration_min);
    assert_near(quantile(of(Qos::Strict).filter_map(slack_min).collect(), 0.5), 71.0, 2.0);
}

#[test]
fn the_other_job_traces_have_the_published_figures() {
    let Some(table) = real("ml_jobs_pai_gaia_year_m1-9.csv.gz") else { return };
    let pai = read_jobs(&table, None).expect("the table is good");
    assert_eq!((pai.format, pai.jobs.len()), (JobTraceFormat::Pai, 74_247));
    let hours = |p| quantile(pai.jobs.iter().map(|job| job.duration_min / 60.0).collect(), p);
    assert_near(hours(0.5), 0.67, 0.01);
    assert_near(hours(0.9), 5.5, 0.1);
    let Some(table) = real("gpu_pods_alibaba2023.csv.gz") else { return };
    let pods = read_jobs(&table, None).expect("the table is good");
    assert_eq!(pods.format, JobTraceFormat::AlibabaPods);
    assert_eq!(pods.jobs.len() + pods.without_gpu + pods.never_ran, 8152);
    // 897 pods were never scheduled; 36 of them asked for no GPU. None of the rest ended in the second it started.
    assert_eq!(pods.never_ran, 897 - 36);
    let Some(table) = real("image_requests_genai2024.csv.gz") else { return };
    let images = image_bundles(&table).expect("the table is good");
    assert_eq!((images.exec_s.len(), images.unfinished), (26_392, 431));
    assert_near(quantile(images.exec_s.clone(), 0.5), 23.0, 0.5);
    // 2024-11-15 was a Friday.
    assert_eq!(images.first_weekday, 4);
    let hours: f64 = images.busy_gpus.iter().sum::<f64>() / 2.0;
    assert_near(hours, images.exec_s.iter().sum::<f64>() / 3600.0, 1e-6);
}

#[test]
fn the_demand_traces_have_the_published_figures() {
    let Some(table) = real("llm_requests_servegen_10min.csv.gz") else { return };
    let services = read_servegen(&table).expect("the table is good");
    let named = |name: &str| services.iter().find(|s| s.service == name).expect("the service is there");
    let known = |name: &str| -> Vec<f64> { named(name).windows.iter().filter_map(|w| w.requests_per_s).collect() };
    assert_eq!((named("m-mid").windows.len(), known("m-mid").len()), (2016, 2016 - 84));
    assert_near(known("m-large").iter().sum::<f64>() / 2016.0, 196.0, 1.0);
    let Some(table) = real("llm_requests_azure2023_conv.csv.gz") else { return };
    let requests = read_azure_requests(&table).expect("the table is good");
    assert_eq!(requests.len(), 19_366);
    assert_near(quantile(requests.iter().map(|r| r.generated_tokens).collect(), 0.5), 129.0, 1.0);
    let Some(table) = real("inference_fleet_dlrm2025_10min.csv.gz") else { return };
    let fleet = read_dlrm_fleet(&table).expect("the table is good");
    let extreme = |pick: fn(f64, f64) -> f64| fleet.iter().copied().reduce(pick).expect("windows");
    assert_eq!((fleet.len(), extreme(f64::min), extreme(f64::max)), (4464, 3076.0, 3411.0));
}

#[test]
fn the_reference_tables_have_the_published_figures() {
    let Some(table) = real("gpu_arrivals_helios_venus_30min_apr-jul.csv.gz") else { return };
    let helios = read_helios(&table).expect("the table is good");
    // 2020-04-01 was a Wednesday.
    assert_eq!((helios.len(), helios[0].weekday, helios[1].half_hour), (5856, 2, 1));
    let Some(table) = real("energy_llm_mlenergy.csv") else { return };
    let energy = read_llm_energy(&table).expect("the table is good");
    let chat_70b = energy.iter().filter(|row| row.model == "Llama 3.1 70B Instruct" && row.gpu == "H100");
    let at = |batch: f64| chat_70b.clone().find(|row| row.batch == batch).expect("a measured batch");
    assert_eq!((energy.len(), at(8.0).gpus), (838, 4.0));
    assert_near(at(8.0).joules_per_token, 3.76, 0.005);
    assert_near(at(512.0).joules_per_token, 0.42, 0.005);
    let Some(table) = real("energy_diffusion_mlenergy.csv") else { return };
    assert_eq!(read_diffusion_energy(&table).expect("the table is good").len(), 1020);
    let Some(table) = real("power_cap_sweep_emerald.csv") else { return };
    assert_eq!(read_cap_sweep(&table).expect("the table is good").len(), 48);
    let Some(table) = real("deadline_tolerance_survey_chronus.csv") else { return };
    assert_eq!(read_survey(&table).expect("the table is good").len(), 27);
}

/// Reads bytes as every format there is.
fn read_as_anything(bytes: &[u8]) {
    let Ok(table) = CsvTable::parse("fuzz.csv", bytes) else { return };
    let formats = [
        None,
        Some(JobTraceFormat::Philly),
        Some(JobTraceFormat::Pai),
        Some(JobTraceFormat::AlibabaPods),
        Some(JobTraceFormat::GenaiImages),
        Some(JobTraceFormat::Jobs),
    ];
    for format in formats {
        if let Ok(trace) = read_jobs(&table, format) {
            assert!(trace.jobs.iter().all(|job| job.duration_min > 0.0 && job.submit_min >= 0.0));
        }
    }
    let _ = (read_servegen(&table), read_service(&table, None, None), read_dlrm_fleet(&table));
    let _ = (read_azure_requests(&table), read_helios(&table), read_llm_energy(&table));
    let _ = (read_diffusion_energy(&table), read_cap_sweep(&table), read_survey(&table));
}

const GOOD: [&str; 8] = [
    "submit_min,qos,duration_min,gpus,deadline_first_min,deadline_last_min,deadline_list_min,value_list\n\
     1,soft,173,1,299,419,299-319,10-8\n2,best,60,4,,,2,10\n",
    "submit_h,duration_h,units\n0.0,25.4,1\n0.5,2.5,8\n",
    "submit_s,run_s,gpus,qos\n0,125,1.0,LS\n427061,,0.46,BE\n",
    "gmt_create,predict_status,exec_time_seconds\n2024-11-15 16:57:50,SUCCEED,32.0\n2024-11-15 18:16:14,FAILED,\n",
    "submit_min,duration_min,power_mw,class,deadline_min\n0,60,0.5,night,600\n",
    "t_s,service,requests_per_s,mean_output_tokens,rate_missing\n0,m,2.5,100,0\n600,m,0,100,1\n",
    "t_s,gpus,hn_instances\n0,3123,3123\n600,3125,3125\n",
    "time,submit_gpu_job,submit_gpu_num\n2020-04-01 00:00,9,30\n",
];

proptest! {
    #[test]
    fn damaged_tables_give_errors_and_never_panics(
        which in 0..GOOD.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        zipped in any::<bool>(),
    ) {
        use std::io::Write;
        let mut bytes = GOOD[which].as_bytes().to_vec();
        for (at, byte) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if zipped {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&bytes).expect("memory takes bytes");
            bytes = encoder.finish().expect("memory takes bytes");
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        read_as_anything(&bytes);
    }

    #[test]
    fn words_from_anywhere_in_the_right_columns_never_panic(
        which in 0..GOOD.len(),
        cells in prop::collection::vec("(|-|nan|inf|1e400|-1|0|7|99999999999|2024-01-01 00:00:00|soft|LS|[a-z0-9.-]{0,6})", 1..40),
    ) {
        let header = GOOD[which].lines().next().expect("a header");
        let width = header.split(',').count();
        let rows: Vec<String> = cells.chunks(width).map(|row| row.join(",")).collect();
        read_as_anything(format!("{header}\n{}\n", rows.join("\n")).as_bytes());
    }
}
