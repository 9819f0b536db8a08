//! scratch
use super::boosted::*; use super::contract::*; use super::moment::*; use super::ridge::*; use super::rows::*; use super::lead;
use flexai_env::grid::*;

fn env<T: std::str::FromStr>(k: &str, d: T) -> T { std::env::var(k).ok().and_then(|x| x.parse().ok()).unwrap_or(d) }

#[test]
fn try_it() {
    let path = "/work/shared/data/grid/gb_joined_halfhourly_2020_2024H1.csv.gz";
    let trace = read_trace(std::path::Path::new(path), &Default::default()).unwrap().0;
    let train = Split::Train.indices(&trace);
    let val = Split::Validation.indices(&trace);
    let which = std::env::var("T").unwrap_or("01234".into());
    for (ti, target) in Target::ALL.into_iter().enumerate() {
        if !which.contains(&ti.to_string()) { continue; }
        let rr = Rows::collect(&trace, train.clone(), target, leads_of_groups);
        let mut rn = Rows::collect(&trace, train.clone(), target, near_leads);
        let rf = Rows::collect(&trace, train.clone(), target, far_leads);
        for pen in std::env::var("PEN").unwrap_or("0.003".into()).split(',') { for hl in std::env::var("HL").unwrap_or("500".into()).split(',') {
        for tr in std::env::var("TREES").unwrap_or("200".into()).split(',') { for depth in std::env::var("DEPTH").unwrap_or("6".into()).split(',') { for lr in std::env::var("LR").unwrap_or("0.06".into()).split(',') { for mlw in std::env::var("MLW").unwrap_or("60".into()).split(',') {
        let ridge = Ridge::fit(&rr, &RidgeOptions { penalty: pen.parse().unwrap(), half_life_days: hl.parse().unwrap() });
        let o = BoostedOptions { trees: tr.parse().unwrap(), learning_rate: lr.parse().unwrap(), max_depth: depth.parse().unwrap(), half_life_days: hl.parse().unwrap(), min_leaf_weight: mlw.parse().unwrap(), ..Default::default() };
        let keep = rn.outcomes.clone();
        for i in 0..rn.len() { let z = ridge.predict(rn.leads[i], rn.row(i)).unwrap_or(0.0); rn.outcomes[i] -= z; }
        let near = if env("NEAR", 1)==1 { Some(Boosted::fit(&rn, &o, 1).unwrap()) } else { None };
        rn.outcomes = keep;
        let far = Boosted::fit(&rf, &o, 1).unwrap();
        let mut row = vec![];
        let mut err: std::collections::BTreeMap<String, [f64;8]> = Default::default();
        for now in val.clone() {
            let origin = trace.local(now).half_hour == 22;
            if now % 5 != 0 && !origin { continue; }
            let known = Knowledge::at(&trace, now, InformationSet::Trader);
            let m = Moment::new(&known, target).unwrap();
            let mut score = |t: usize, key: String, m: &Moment| {
                if t >= val.end { return; }
                let Some(y) = target.truth(&trace, t) else { return };
                if target.known(&known, t).is_some() { return; }
                m.row(t, &mut row);
                let base = if target==Target::ImbalancePrice { match known.get(Signal::IntradayPrice, t) { Some(x)=>x, None=>m.base(t)} } else { m.base(t) };
                let s = m.scale_at(t);
                if s == 0.0 && target == Target::Solar {return;}
                let z = ridge.predict(t-now, &row).unwrap_or(0.0);
                let r = base + s * z;
                let g = base + s * if t-now <= NEAR { z + near.as_ref().map_or(0.0, |n| n.predict(&row)) } else { far.predict(&row) };
                let e = err.entry(key).or_default();
                for (i, f) in [base, r, g, 0.5*(r+g)].into_iter().enumerate() { e[i] += (y-f).abs(); }
                e[7] += 1.0;
            };
            if now % 5 == 0 { for l in 0..=48 { score(now+l, format!("{:02}", lead::group(l)), &m); }  for l in 1..=48 { score(now+l, "all".into(), &m); } }
            if origin {
                let day = trace.local(now).day + 1;
                let p = flexai_env::grid::calendar::local_day(day);
                for q in p.start.0..p.end.0 { score((q - trace.start().0) as usize, "next".into(), &m); }
            }
        }
        eprintln!("{target:?} pen {pen} hl {hl} trees {tr} depth {depth} lr {lr} mlw {mlw}");
        for (k, e) in err { if env("SHORT",0)==1 && !"01 04 06 next all".contains(&k) { continue;} eprint!("  {k:5}"); for i in 0..4 { eprint!(" {:9.4}", e[i]/e[7]); } eprintln!(); }
        }}}}}}
    }
}
