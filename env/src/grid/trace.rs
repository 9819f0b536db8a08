//! Grid trace: half-hourly national signals on one unbroken UTC time axis, with their holes.
//!
//! In: columns from an import or the synthetic generator. Out: values by signal and index, the local clock of each period.
//! Always: a hole is `None` (NaN in the fast columns), never a number; derived columns follow every change of a value.
//! Not here: files (`import.rs`), which windows may be used (`splits.rs`), what is known when (`knowledge.rs`).

use super::calendar::{LocalStamp, Period};
use super::signal::Signal;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Half-hourly signals from `start` on.
#[derive(Debug, Clone)]
pub struct GridTrace {
    source: TraceSource,
    start: Period,
    local: Vec<LocalStamp>,
    columns: Vec<Vec<f64>>,
    solar_factor: Vec<f64>,
    demand_or_proxy: Vec<f64>,
}

/// Where a trace comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceSource {
    /// File name or name of the parameter set, without its folder.
    pub name: String,
    /// Measured, or generated.
    pub kind: SourceKind,
}

/// Whether a trace was measured or generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Read from a table of measured values.
    Real,
    /// Made by the generator.
    Synthetic,
}

/// How a value with a named substitute came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// The signal itself.
    Measured,
    /// The named substitute stands in.
    Substitute,
    /// Neither is there.
    Missing,
}

/// Installed embedded solar capacity in MW at dates, for `solar_mw`: NESO Historic Demand Data,
/// `EMBEDDED_SOLAR_CAPACITY`, read on 2026-11-22; held before the first date, linear between, growing by
/// [`SOLAR_GROWTH_MW_PER_YEAR`] after the last.
///
/// NESO published one constant from 2019-02-14 up to the hole of 2022-09 and had moved to daily updates by 2024.
const SOLAR_CAPACITY: [(&str, f64); 8] = [
    ("2017-01-01T00:00:00Z", 11_503.0),
    ("2017-11-22T23:30:00Z", 12_916.0),
    ("2019-02-14T00:00:00Z", 13_080.0),
    ("2022-09-03T22:30:00Z", 13_080.0),
    ("2024-01-01T00:00:00Z", 16_793.0),
    ("2024-03-01T00:00:00Z", 17_095.0),
    ("2024-05-01T00:00:00Z", 17_414.0),
    ("2024-06-30T23:30:00Z", 17_812.0),
];

/// Installed national solar capacity in MW at dates, for `pvlive_mw`: Sheffield PV_Live, `installedcapacity_mwp`,
/// read on 2026-11-22.
const PVLIVE_CAPACITY: [(&str, f64); 4] = [
    ("2023-01-01T00:00:00Z", 14_857.0),
    ("2023-07-01T00:00:00Z", 15_640.0),
    ("2023-10-01T00:00:00Z", 16_159.0),
    ("2024-01-01T23:00:00Z", 16_586.0),
];

/// Growth of installed solar capacity after the last date of a table, MW per year.
///
/// Source: DESNZ, "Solar photovoltaics deployment": 2.2 GW were added from January to November 2024 and 2.5 GW in the same
/// months of 2025 (as reported by pv magazine on 2025-12-19), so 2.4 GW a year. It leads from NESO's 17.8 GW of
/// 2024-06-30 to 21.2 GW on 2025-11-30, where DESNZ counts 21.5 GW (Northern Ireland and large plants included).
/// A held capacity would let the capacity factor of later tables drift upwards by that growth.
const SOLAR_GROWTH_MW_PER_YEAR: f64 = 2_400.0;

/// Half-hours of a mean Gregorian year.
const PERIODS_PER_YEAR: f64 = 365.2425 * 48.0;

/// Resolution assumed where a table does not say: the later of the two known ones, so that no value is used too early.
const DEFAULT_CARBON_RESOLUTION_MIN: f64 = 60.0;

impl GridTrace {
    /// A trace of `len` periods in which every signal is a hole.
    pub fn holes(source: TraceSource, start: Period, len: usize) -> Self {
        Self {
            source,
            start,
            local: (0..len).map(|t| (start + t as i64).local()).collect(),
            columns: vec![vec![f64::NAN; len]; Signal::COUNT],
            solar_factor: vec![f64::NAN; len],
            demand_or_proxy: vec![f64::NAN; len],
        }
    }

    /// The same trace with whole columns replaced; NaN in a column is a hole.
    ///
    /// # Panics
    /// If a column is not as long as the trace.
    pub fn with_columns(mut self, columns: impl IntoIterator<Item = (Signal, Vec<f64>)>) -> Self {
        for (signal, column) in columns {
            assert_eq!(column.len(), self.len(), "a column is as long as its trace");
            self.columns[signal as usize] = column;
        }
        (0..self.len()).for_each(|t| self.derive(t));
        self
    }

    /// Where the trace comes from.
    pub fn source(&self) -> &TraceSource {
        &self.source
    }

    /// The first period.
    pub fn start(&self) -> Period {
        self.start
    }

    /// The period after the last one.
    pub fn end(&self) -> Period {
        self.start + self.len() as i64
    }

    /// Number of periods.
    pub fn len(&self) -> usize {
        self.local.len()
    }

    /// Whether there is no period at all.
    pub fn is_empty(&self) -> bool {
        self.local.is_empty()
    }

    /// The period at index `t`.
    pub fn period(&self, t: usize) -> Period {
        self.start + t as i64
    }

    /// The index of a period, if the trace holds it.
    pub fn index_of(&self, period: Period) -> Option<usize> {
        usize::try_from(period - self.start).ok().filter(|t| *t < self.len())
    }

    /// The indices of the periods in `from..to` that the trace holds.
    pub fn indices(&self, from: Period, to: Period) -> Range<usize> {
        let clamp = |p: Period| (p - self.start).clamp(0, self.len() as i64) as usize;
        clamp(from)..clamp(to).max(clamp(from))
    }

    /// Where the period at `t` lies on the local clock.
    pub fn local(&self, t: usize) -> LocalStamp {
        self.local[t]
    }

    /// The value of a signal at `t`; `None` in a hole and beyond the trace.
    pub fn get(&self, signal: Signal, t: usize) -> Option<f64> {
        self.column(signal).get(t).copied().filter(|x| !x.is_nan())
    }

    /// All values of a signal; NaN is a hole.
    pub fn column(&self, signal: Signal) -> &[f64] {
        &self.columns[signal as usize]
    }

    /// Whether the signal has no value anywhere.
    pub fn is_absent(&self, signal: Signal) -> bool {
        self.column(signal).iter().all(|x| x.is_nan())
    }

    /// Writes one value; `None` makes a hole.
    ///
    /// # Panics
    /// If `t` lies beyond the trace.
    pub fn set(&mut self, signal: Signal, t: usize, value: Option<f64>) {
        self.columns[signal as usize][t] = value.unwrap_or(f64::NAN);
        self.derive(t);
    }

    /// Minutes over which the carbon value at `t` is a mean: 60 is known only once its clock hour is over.
    ///
    /// Where the table does not say, 60 is assumed, so that no value is ever used too early.
    pub fn carbon_resolution_min(&self, t: usize) -> u32 {
        self.get(Signal::CarbonResolution, t).unwrap_or(DEFAULT_CARBON_RESOLUTION_MIN) as u32
    }

    /// National solar output over installed capacity, `0..=1`: the yield of a site's own panels per MWp.
    pub fn solar_capacity_factor(&self, t: usize) -> Option<f64> {
        self.solar_factor.get(t).copied().filter(|x| !x.is_nan())
    }

    /// [`GridTrace::solar_capacity_factor`] of every period; NaN is a hole.
    pub fn solar_factor(&self) -> &[f64] {
        &self.solar_factor
    }

    /// Whether the solar capacity factor rests on `solar_mw`, on `pvlive_mw`, or on nothing.
    pub fn solar_presence(&self, t: usize) -> Presence {
        self.presence(Signal::Solar, Signal::PvLive, t)
    }

    /// National demand in MW, else the sum of all generation as its proxy; NaN is a hole.
    ///
    /// The proxy lies 566 MW above demand in the mean (55,567 half-hours of 2020 to 2024); nothing is subtracted.
    pub fn demand_or_proxy(&self) -> &[f64] {
        &self.demand_or_proxy
    }

    /// Whether [`GridTrace::demand_or_proxy`] rests on `demand_mw`, on `fuelhh_total_mw`, or on nothing.
    pub fn demand_presence(&self, t: usize) -> Presence {
        self.presence(Signal::Demand, Signal::FuelTotal, t)
    }

    /// The periods `range` as a trace of their own.
    ///
    /// # Panics
    /// If the range lies beyond the trace.
    pub fn slice(&self, range: Range<usize>) -> GridTrace {
        GridTrace {
            source: self.source.clone(),
            start: self.period(range.start),
            local: self.local[range.clone()].to_vec(),
            columns: self.columns.iter().map(|column| column[range.clone()].to_vec()).collect(),
            solar_factor: self.solar_factor[range.clone()].to_vec(),
            demand_or_proxy: self.demand_or_proxy[range].to_vec(),
        }
    }

    /// 16 hexadecimal digits that change with any value, hole or date (FNV-1a, 64 bit); the source's name does not count.
    pub fn content_hash(&self) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |word: u64| {
            for byte in word.to_le_bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        add(self.start.0 as u64);
        add(self.len() as u64);
        for column in &self.columns {
            // One pattern for every NaN and one for both zeros: equal values hash equally.
            column.iter().for_each(|x| add(if x.is_nan() { u64::MAX } else { (x + 0.0).to_bits() }));
        }
        format!("{hash:016x}")
    }

    fn presence(&self, signal: Signal, substitute: Signal, t: usize) -> Presence {
        match (self.get(signal, t), self.get(substitute, t)) {
            (Some(_), _) => Presence::Measured,
            (None, Some(_)) => Presence::Substitute,
            (None, None) => Presence::Missing,
        }
    }

    fn derive(&mut self, t: usize) {
        let period = self.period(t);
        let value = |signal: Signal| self.columns[signal as usize][t];
        let (solar, pvlive) = (value(Signal::Solar), value(Signal::PvLive));
        let (output, capacity) = if solar.is_nan() { (pvlive, &PVLIVE_TABLE) } else { (solar, &SOLAR_TABLE) };
        let demand = value(Signal::Demand);
        let proxy = value(Signal::FuelTotal);
        // Division first: NaN must stay NaN, and `clamp` keeps it.
        self.solar_factor[t] = (output / installed_capacity(capacity, period)).clamp(0.0, 1.0);
        self.demand_or_proxy[t] = if demand.is_nan() { proxy } else { demand };
    }
}

/// Installed embedded solar capacity in MW that [`GridTrace::solar_capacity_factor`] divides `solar_mw` by.
pub fn solar_capacity_mw(period: Period) -> f64 {
    installed_capacity(&SOLAR_TABLE, period)
}

type CapacityTable = std::sync::LazyLock<Vec<(Period, f64)>>;
static SOLAR_TABLE: CapacityTable = CapacityTable::new(|| capacity_table(&SOLAR_CAPACITY));
static PVLIVE_TABLE: CapacityTable = CapacityTable::new(|| capacity_table(&PVLIVE_CAPACITY));

fn capacity_table(points: &[(&str, f64)]) -> Vec<(Period, f64)> {
    points.iter().map(|(date, mw)| (date.parse().expect("the dates above are period starts"), *mw)).collect()
}

fn installed_capacity(table: &[(Period, f64)], period: Period) -> f64 {
    let after = table.partition_point(|(date, _)| *date <= period);
    if after == 0 {
        return table[0].1;
    }
    let (d0, c0) = table[after - 1];
    match table.get(after) {
        Some((d1, c1)) => c0 + (c1 - c0) * (period - d0) as f64 / (*d1 - d0) as f64,
        None => c0 + SOLAR_GROWTH_MW_PER_YEAR * (period - d0) as f64 / PERIODS_PER_YEAR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        text.parse().expect("a period")
    }

    fn trace(len: usize) -> GridTrace {
        let source = TraceSource { name: "made by hand".into(), kind: SourceKind::Synthetic };
        GridTrace::holes(source, period("2022-09-03T00:00:00Z"), len)
    }

    #[test]
    fn a_hole_is_none_and_never_zero() {
        let trace = trace(3);
        assert!(Signal::all().all(|s| (0..3).all(|t| trace.get(s, t).is_none())));
        assert!(trace.solar_capacity_factor(1).is_none() && trace.demand_or_proxy()[1].is_nan());
        assert_eq!(trace.get(Signal::IntradayPrice, 99), None);
    }

    #[test]
    fn substitutes_stand_in_only_where_the_signal_is_absent() {
        let mut trace = trace(2);
        trace.set(Signal::FuelTotal, 0, Some(30_000.0));
        trace.set(Signal::FuelTotal, 1, Some(30_000.0));
        trace.set(Signal::Demand, 0, Some(29_000.0));
        assert_eq!(trace.demand_or_proxy(), [29_000.0, 30_000.0]);
        assert_eq!((trace.demand_presence(0), trace.demand_presence(1)), (Presence::Measured, Presence::Substitute));
        assert_eq!(trace.solar_presence(0), Presence::Missing);
        trace.set(Signal::PvLive, 0, Some(1485.7));
        assert_eq!(trace.solar_presence(0), Presence::Substitute);
        assert_eq!(trace.solar_capacity_factor(0), Some(0.1));
        trace.set(Signal::Solar, 0, Some(6540.0));
        assert_eq!(trace.solar_capacity_factor(0), Some(0.5));
        trace.set(Signal::Solar, 0, None);
        trace.set(Signal::PvLive, 0, None);
        assert_eq!(trace.solar_capacity_factor(0), None);
    }

    #[test]
    fn installed_capacity_is_held_before_linear_between_and_growing_after_its_dates() {
        assert_eq!(solar_capacity_mw(period("2010-01-01T00:00:00Z")), 11_503.0);
        assert_eq!(solar_capacity_mw(period("2021-01-01T00:00:00Z")), 13_080.0);
        assert_eq!(solar_capacity_mw(period("2024-06-30T23:30:00Z")), 17_812.0);
        let late_2025 = solar_capacity_mw(period("2025-11-30T23:30:00Z"));
        // 518 days at 2,400 MW a year.
        assert!((late_2025 - (17_812.0 + 2_400.0 * 518.0 / 365.2425)).abs() < 1e-6, "{late_2025}");
        let february = solar_capacity_mw(period("2024-01-31T00:00:00Z"));
        assert!((february - (16_793.0 + 302.0 / 2.0)).abs() < 1e-9, "{february}");
    }

    #[test]
    fn periods_and_indices_are_inverse() {
        let trace = trace(96);
        assert_eq!(trace.index_of(trace.period(17)), Some(17));
        assert_eq!(trace.index_of(trace.end()), None);
        assert_eq!(trace.index_of(trace.start() - 1), None);
        assert_eq!(trace.indices(trace.start() - 5, trace.start() + 5), 0..5);
        assert_eq!(trace.indices(trace.end(), trace.start()), 96..96);
    }

    #[test]
    fn the_hash_sees_values_holes_and_dates_but_not_the_name() {
        let one = trace(4);
        let mut named = trace(4);
        named.source.name = "another name".into();
        assert_eq!(one.content_hash(), named.content_hash());
        let mut changed = trace(4);
        changed.set(Signal::Demand, 2, Some(0.0));
        assert_ne!(one.content_hash(), changed.content_hash());
        changed.set(Signal::Demand, 2, None);
        assert_eq!(one.content_hash(), changed.content_hash());
        assert_ne!(one.content_hash(), trace(5).content_hash());
        assert_ne!(one.content_hash(), trace(5).slice(1..5).content_hash());
        assert_eq!(one.content_hash().len(), 16);
    }

    #[test]
    fn a_slice_keeps_period_value_and_local_clock_together() {
        let mut whole = trace(100);
        whole.set(Signal::IntradayPrice, 60, Some(42.0));
        let part = whole.slice(50..70);
        assert_eq!((part.len(), part.period(10)), (20, whole.period(60)));
        assert_eq!(part.get(Signal::IntradayPrice, 10), Some(42.0));
        assert_eq!(part.local(10), whole.local(60));
    }

    #[test]
    fn carbon_without_a_stated_resolution_counts_as_hourly() {
        let mut trace = trace(2);
        trace.set(Signal::CarbonResolution, 1, Some(30.0));
        assert_eq!((trace.carbon_resolution_min(0), trace.carbon_resolution_min(1)), (60, 30));
    }
}
