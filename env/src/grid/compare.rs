//! How one grid trace differs from another: the report behind `flexai data check`.
//!
//! In: a table and a reference. Out: rows of name, value of the table, value of the reference, tolerance, verdict.
//! Always: a figure that cannot be computed has no value and no verdict; holes do not count.
//! Not here: whether the table may be used at all (`import.rs`).

use super::calendar::LocalStamp;
use super::signal::Signal;
use super::statistics::{
    autocorrelation, correlation, daily_profile, daily_spreads, maximum, mean, mean_absolute_difference, minimum,
    share, standard_deviation,
};
use super::trace::GridTrace;
use serde::Serialize;
use std::fmt;

/// How a table differs from a reference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of the table.
    pub table: String,
    /// Name of the reference.
    pub reference: String,
    /// One row per figure.
    pub rows: Vec<ComparisonRow>,
}

/// One figure of both traces.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparisonRow {
    /// What is compared, with its unit.
    pub name: String,
    /// Figure of the table; `None` if its signal is absent.
    pub table: Option<f64>,
    /// Figure of the reference; `None` if its signal is absent.
    pub reference: Option<f64>,
    /// How far they may lie apart.
    pub tolerance: Tolerance,
    /// Whether they lie that close; `None` where nothing is asked or a figure is absent.
    pub ok: Option<bool>,
}

/// How far two figures may lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "limit")]
pub enum Tolerance {
    /// Difference over the reference's magnitude.
    Relative(f64),
    /// Difference.
    Absolute(f64),
    /// Quotient, either way round.
    Factor(f64),
    /// The figure of the table alone must reach this.
    AtLeast(f64),
    /// Shown, not judged.
    Shown,
}

impl Comparison {
    /// The rows that lie too far apart.
    pub fn misfits(&self) -> impl Iterator<Item = &ComparisonRow> {
        self.rows.iter().filter(|row| row.ok == Some(false))
    }

    /// A row by name.
    pub fn row(&self, name: &str) -> Option<&ComparisonRow> {
        self.rows.iter().find(|row| row.name == name)
    }
}

impl Tolerance {
    /// Whether a figure lies close enough to its reference; `None` where nothing is asked or a figure is no number.
    pub fn judge(self, table: f64, reference: f64) -> Option<bool> {
        if table.is_nan() || reference.is_nan() {
            return None;
        }
        match self {
            Tolerance::Relative(limit) => Some((table - reference).abs() <= limit * reference.abs()),
            Tolerance::Absolute(limit) => Some((table - reference).abs() <= limit),
            Tolerance::Factor(limit) => Some(table <= limit * reference && reference <= limit * table),
            Tolerance::AtLeast(limit) => Some(table >= limit),
            Tolerance::Shown => None,
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tolerance::Relative(limit) => write!(f, "within {:.0} %", limit * 100.0),
            Tolerance::Absolute(limit) => write!(f, "within {limit}"),
            Tolerance::Factor(limit) => write!(f, "within a factor {limit}"),
            Tolerance::AtLeast(limit) => write!(f, "at least {limit}"),
            Tolerance::Shown => f.write_str("shown only"),
        }
    }
}

/// Compares a table with a reference, figure by figure.
pub fn compare(table: &GridTrace, reference: &GridTrace) -> Comparison {
    let both = [View::of(table), View::of(reference)];
    let mut rows = Rows(Vec::new());
    for series in Series::ALL {
        rows.moments(series, &both);
    }
    rows.price_figures(&both);
    rows.forecast_figures(&both);
    Comparison { table: table.source().name.clone(), reference: reference.source().name.clone(), rows: rows.0 }
}

/// A series that is compared in level, spread, memory and daily shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Series {
    Signal(Signal, &'static str),
    DemandOrProxy,
    SolarFactor,
}

impl Series {
    const ALL: [Series; 8] = [
        Series::Signal(Signal::IntradayPrice, "intraday price"),
        Series::Signal(Signal::DayAheadPrice, "day-ahead price"),
        Series::Signal(Signal::ImbalancePrice, "imbalance price"),
        Series::Signal(Signal::NetImbalanceVolume, "net imbalance volume"),
        Series::Signal(Signal::CarbonIntensity, "carbon intensity"),
        Series::DemandOrProxy,
        Series::Signal(Signal::Wind, "wind"),
        Series::SolarFactor,
    ];

    fn name(self) -> &'static str {
        match self {
            Series::Signal(_, name) => name,
            Series::DemandOrProxy => "demand or its proxy",
            Series::SolarFactor => "solar capacity factor",
        }
    }

    fn values(self, trace: &GridTrace) -> &[f64] {
        match self {
            Series::Signal(signal, _) => trace.column(signal),
            Series::DemandOrProxy => trace.demand_or_proxy(),
            Series::SolarFactor => trace.solar_factor(),
        }
    }
}

/// A trace with its local clock at hand.
struct View<'a> {
    trace: &'a GridTrace,
    local: Vec<LocalStamp>,
}

impl<'a> View<'a> {
    fn of(trace: &'a GridTrace) -> Self {
        Self { trace, local: (0..trace.len()).map(|t| trace.local(t)).collect() }
    }

    fn column(&self, signal: Signal) -> &[f64] {
        self.trace.column(signal)
    }

    fn error(&self, forecast: Signal, actual: Signal) -> Vec<f64> {
        self.column(actual).iter().zip(self.column(forecast)).map(|(actual, forecast)| actual - forecast).collect()
    }

    /// Premium of the imbalance price over the intraday price where the system is short, or where it is long.
    fn premium(&self, short: bool) -> Vec<f64> {
        let premium = self.error(Signal::IntradayPrice, Signal::ImbalancePrice);
        let volume = self.column(Signal::NetImbalanceVolume);
        let side = |niv: f64| if short { niv > 0.0 } else { niv < 0.0 };
        premium.iter().zip(volume).filter(|(_, niv)| side(**niv)).map(|(premium, _)| *premium).collect()
    }
}

/// Season of a month: winter (December to February) is 0.
fn season(stamp: &LocalStamp) -> u8 {
    stamp.month % 12 / 3
}

const SEASONS: [&str; 4] = ["winter", "spring", "summer", "autumn"];

struct Rows(Vec<ComparisonRow>);

impl Rows {
    fn add(&mut self, name: String, both: [f64; 2], tolerance: Tolerance) {
        let [table, reference] = both;
        let figure = |x: f64| (!x.is_nan()).then_some(x);
        let ok = tolerance.judge(table, reference);
        self.0.push(ComparisonRow { name, table: figure(table), reference: figure(reference), tolerance, ok });
    }

    fn moments(&mut self, series: Series, both: &[View; 2]) {
        let name = series.name();
        let values = [series.values(both[0].trace), series.values(both[1].trace)];
        // The imbalance volume is centred on zero: its mean is judged against its spread.
        let mean_tolerance = match series {
            Series::Signal(Signal::NetImbalanceVolume, _) => Tolerance::Absolute(0.1 * standard_deviation(values[1])),
            _ => Tolerance::Relative(0.1),
        };
        self.add(format!("{name}: mean"), values.map(mean), mean_tolerance);
        self.add(format!("{name}: standard deviation"), values.map(standard_deviation), Tolerance::Relative(0.25));
        self.add(format!("{name}: minimum"), values.map(minimum), Tolerance::Shown);
        self.add(format!("{name}: maximum"), values.map(maximum), Tolerance::Shown);
        for (lag, limit) in [(1, 0.05), (48, 0.15), (336, 0.2)] {
            let figure = values.map(|x| autocorrelation(x, lag));
            self.add(format!("{name}: autocorrelation, lag {lag}"), figure, Tolerance::Absolute(limit));
        }
        for (code, season_name) in SEASONS.iter().enumerate() {
            let takes = |stamp: &LocalStamp| usize::from(season(stamp)) == code;
            let profiles = [0, 1].map(|i| daily_profile(values[i], &both[i].local, takes));
            let alike = correlation(&profiles[0], &profiles[1]);
            // Means over a season's days scatter by some 0.05 standard deviations: a flatter shape has no correlation.
            let shapely = standard_deviation(&profiles[1]) > 0.2 * standard_deviation(values[1]);
            let tolerance = if shapely { Tolerance::AtLeast(0.9) } else { Tolerance::Shown };
            self.add(format!("{name}: daily shape in {season_name}, correlation"), [alike, 1.0], tolerance);
            let apart = |(a, b): (&f64, &f64)| (a - b).abs();
            let largest = profiles[0].iter().zip(&profiles[1]).map(apart).collect::<Vec<f64>>();
            let figure = maximum(&largest) / standard_deviation(values[1]);
            let label = format!("{name}: daily shape in {season_name}, largest deviation (standard deviations)");
            self.add(label, [figure, 0.0], Tolerance::Shown);
        }
    }

    fn price_figures(&mut self, both: &[View; 2]) {
        for signal in [Signal::IntradayPrice, Signal::DayAheadPrice, Signal::ImbalancePrice] {
            let each = |figure: &dyn Fn(&View) -> f64| [figure(&both[0]), figure(&both[1])];
            let label = signal.column_name();
            let negative = each(&|v| share(v.column(signal), |x| x < 0.0));
            self.add(format!("{label}: share of negative prices"), negative, Tolerance::Factor(2.0));
            let spikes = each(&|v| spike_share(v.column(signal), &v.local));
            let name = format!("{label}: share above twice the day's mean");
            self.add(name, spikes, Tolerance::Factor(2.0));
            let spread = each(&|v| mean(&daily_spreads(v.column(signal), &v.local)) / mean(v.column(signal)));
            let name = format!("{label}: spread within a day over the mean price");
            self.add(name, spread, Tolerance::Relative(0.25));
            let carbon = each(&|v| correlation(v.column(signal), v.column(Signal::CarbonIntensity)));
            self.add(format!("{label}: correlation with carbon intensity"), carbon, Tolerance::Absolute(0.15));
            let within = each(&|v| {
                let price = less_day_mean(v.column(signal), &v.local);
                correlation(&price, &less_day_mean(v.column(Signal::CarbonIntensity), &v.local))
            });
            let name = format!("{label}: correlation with carbon intensity within the day");
            self.add(name, within, Tolerance::Absolute(0.15));
        }
        for (short, label) in [(true, "short"), (false, "long")] {
            let figure = [0, 1].map(|i| mean(&both[i].premium(short)));
            self.add(format!("imbalance premium, system {label} (GBP/MWh)"), figure, Tolerance::Relative(0.25));
        }
    }

    fn forecast_figures(&mut self, both: &[View; 2]) {
        let pairs = [
            ("day-ahead to intraday price", Signal::DayAheadPrice, Signal::IntradayPrice),
            ("intraday to imbalance price", Signal::IntradayPrice, Signal::ImbalancePrice),
            ("day-ahead forecast of wind", Signal::DayAheadForecastWind, Signal::Wind),
            ("day-ahead forecast of demand", Signal::DayAheadForecastDemand, Signal::Demand),
            ("day-ahead forecast of embedded solar", Signal::DayAheadForecastEmbeddedSolar, Signal::Solar),
        ];
        for (name, forecast, actual) in pairs {
            let figure = [0, 1].map(|i| {
                let view = &both[i];
                mean_absolute_difference(view.column(forecast), view.column(actual)) / mean(view.column(actual)).abs()
            });
            self.add(format!("{name}: mean absolute error over the mean"), figure, Tolerance::Relative(0.25));
            let errors = [0, 1].map(|i| both[i].error(forecast, actual));
            for (lag, limit) in [(1, 0.1), (4, 0.15), (48, 0.15)] {
                let figure = [0, 1].map(|i| autocorrelation(&errors[i], lag));
                self.add(
                    format!("{name}: autocorrelation of the error, lag {lag}"),
                    figure,
                    Tolerance::Absolute(limit),
                );
            }
        }
        for (name, signal) in [("intraday price", Signal::IntradayPrice), ("carbon intensity", Signal::CarbonIntensity)]
        {
            let figure = [0, 1].map(|i| {
                let column = both[i].column(signal);
                let yesterday = &column[..column.len().saturating_sub(48)];
                mean_absolute_difference(&column[column.len() - yesterday.len()..], yesterday) / mean(column)
            });
            let name = format!("{name}: error of yesterday's value over the mean");
            self.add(name, figure, Tolerance::Relative(0.25));
        }
    }
}

/// Share of the prices above twice the mean of their local day.
fn spike_share(values: &[f64], local: &[LocalStamp]) -> f64 {
    let centred = by_day(values, local, |x, mean| if x > 2.0 * mean.abs() { 1.0 } else { 0.0 });
    mean(&centred)
}

fn less_day_mean(values: &[f64], local: &[LocalStamp]) -> Vec<f64> {
    by_day(values, local, |x, mean| x - mean)
}

/// Each value with the mean of its local day; holes stay holes.
fn by_day(values: &[f64], local: &[LocalStamp], figure: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let mut out = Vec::with_capacity(values.len());
    while out.len() < values.len() {
        let t = out.len();
        let len = local[t..].iter().take_while(|stamp| stamp.day == local[t].day).count();
        let today = &values[t..t + len];
        let centre = mean(today);
        out.extend(today.iter().map(|x| if x.is_nan() { f64::NAN } else { figure(*x, centre) }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{SourceKind, TraceSource};

    fn trace(price: impl Fn(usize) -> f64) -> GridTrace {
        let source = TraceSource { name: "made by hand".into(), kind: SourceKind::Synthetic };
        let len = 4 * 336;
        GridTrace::holes(source, "2024-01-01T00:00:00Z".parse().expect("a period"), len)
            .with_columns([(Signal::IntradayPrice, (0..len).map(price).collect())])
    }

    fn wave(t: usize) -> f64 {
        100.0 + 50.0 * (t as f64 * std::f64::consts::TAU / 48.0).sin() + (t / 48 % 3) as f64
    }

    #[test]
    fn a_trace_compared_with_itself_has_no_misfit() {
        let trace = trace(wave);
        let comparison = compare(&trace, &trace);
        assert_eq!(comparison.misfits().count(), 0);
        assert_eq!(comparison.row("intraday price: mean").and_then(|row| row.ok), Some(true));
    }

    #[test]
    fn a_doubled_price_misses_level_and_spread_but_not_memory() {
        let comparison = compare(&trace(|t| 2.0 * wave(t)), &trace(wave));
        let missed: Vec<&str> = comparison.misfits().map(|row| row.name.as_str()).collect();
        assert_eq!(missed, ["intraday price: mean", "intraday price: standard deviation"]);
    }

    #[test]
    fn a_shape_turned_upside_down_is_noticed() {
        let comparison = compare(&trace(|t| 200.0 - wave(t)), &trace(wave));
        let row = comparison.row("intraday price: daily shape in winter, correlation").expect("the row is there");
        assert!(row.table.is_some_and(|x| x < -0.99) && row.ok == Some(false), "{row:?}");
    }

    #[test]
    fn an_absent_signal_has_neither_figure_nor_verdict() {
        let comparison = compare(&trace(wave), &trace(wave));
        let row = comparison.row("wind: mean").expect("the row is there");
        assert_eq!((row.table, row.reference, row.ok), (None, None, None));
    }

    #[test]
    fn tolerances_judge_as_they_read() {
        assert_eq!(Tolerance::Relative(0.1).judge(109.0, 100.0), Some(true));
        assert_eq!(Tolerance::Relative(0.1).judge(111.0, 100.0), Some(false));
        assert_eq!(Tolerance::Factor(2.0).judge(0.01, 0.03), Some(false));
        assert_eq!(Tolerance::Factor(2.0).judge(0.0, 0.0), Some(true));
        assert_eq!(Tolerance::AtLeast(0.9).judge(0.89, 1.0), Some(false));
        assert_eq!(Tolerance::Shown.judge(1.0, 2.0), None);
        assert_eq!(Tolerance::Relative(0.1).to_string(), "within 10 %");
    }
}
