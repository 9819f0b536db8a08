//! The features of each target.
//!
//! In: a [`Moment`] and a coming period. Out: a row of numbers, scale-free where prices are concerned.
//! Always: the same length for a target; what is missing is NaN; the first numbers are the calendar's.
//! Not here: base and scale (`moment.rs`).

use super::contract::Target;
use super::moment::{DAY, Moment, WEEK, mean};
use flexai_env::grid::Signal;
use std::f64::consts::TAU;

/// Features before this index are for trees alone: a line through a half-hour's number makes no sense.
pub(super) const FIRST_LINEAR: usize = 4;

const GW10: f64 = 1e-4;

impl Moment<'_, '_> {
    /// Fills `row` with the features of period `t`.
    pub(super) fn row(&self, t: usize, row: &mut Vec<f64>) {
        row.clear();
        self.calendar(t, row);
        match self.target {
            Target::IntradayPrice | Target::ImbalancePrice => self.price_row(t, row),
            Target::Carbon => self.carbon_row(t, row),
            Target::Wind => self.wind_row(t, row),
            Target::Solar => self.solar_row(t, row),
        }
        row.extend_from_slice(&self.common);
    }

    fn calendar(&self, t: usize, row: &mut Vec<f64>) {
        let local = self.known.local(t);
        row.push((t - self.newest) as f64);
        row.push(f64::from(local.half_hour));
        row.push(f64::from(local.weekday));
        row.push(f64::from(local.day_of_year));
        let day = TAU * f64::from(local.half_hour) / DAY as f64;
        for harmonic in 1..=4 {
            let angle = f64::from(harmonic) * day;
            row.extend([angle.sin(), angle.cos()]);
        }
        let year = TAU * f64::from(local.day_of_year) / 365.25;
        row.extend([year.sin(), year.cos(), f64::from(u8::from(local.weekday >= 5))]);
        row.push(f64::from(u8::from(local.weekday == 6)));
    }

    fn at(&self, signal: Signal, t: Option<usize>) -> f64 {
        t.and_then(|t| self.known.get(signal, t)).unwrap_or(f64::NAN)
    }

    /// Published demand, wind and what is left for others, in 10 GW, with changes; 10 numbers.
    fn system(&self, t: usize, row: &mut Vec<f64>) {
        let wind = |t: Option<usize>| self.at(Signal::DayAheadForecastWind, t) * GW10;
        let demand = |t: Option<usize>| self.at(Signal::DayAheadForecastDemand, t) * GW10;
        let sun = |t: Option<usize>| self.at(Signal::DayAheadForecastEmbeddedSolar, t) * GW10;
        let (here, yesterday) = (Some(t), t.checked_sub(DAY));
        let rest = |t: Option<usize>| demand(t) - wind(t);
        row.extend([wind(here), demand(here), sun(here), rest(here)]);
        row.extend([wind(here) - wind(yesterday), demand(here) - demand(yesterday), sun(here) - sun(yesterday)]);
        row.push(rest(Some(t + 1)) - rest(t.checked_sub(1)));
        row.push(rest(here) - rest(Some(self.now)));
        row.push(f64::from(u8::from(self.known.get(Signal::DayAheadForecastWind, t).is_some())));
    }

    fn price_row(&self, t: usize, row: &mut Vec<f64>) {
        let scaled = |x: f64| x / self.scale;
        let here = self.price(t);
        let slope = |from: usize, to: usize| scaled(self.price(to) - self.price(from));
        row.extend([
            slope(t - 1, t),
            slope(t, t + 1),
            slope(t - 2, t),
            slope(t, t + 2),
            slope(t - 4, t),
            slope(t, t + 4),
        ]);
        let day = mean((t - 4..=t + 4).map(|i| self.price(i)).filter(|x| x.is_finite())).unwrap_or(f64::NAN);
        row.push(scaled(here - day));
        row.push(scaled(here - self.price(self.now)));
        row.push(f64::from(u8::from(self.known.get(Signal::DayAheadPrice, t).is_some())));
        row.push(f64::from(self.known.local(t).half_hour % 2));
        for days in [1, 2, 3, 7] {
            let before = t.checked_sub(days * DAY).filter(|i| *i <= self.newest);
            row.push(before.and_then(|i| self.spread(i)).map_or(f64::NAN, scaled));
        }
        // Where tomorrow is not auctioned yet: how the curve before and after that of the base looked.
        for days in [1, 2, 7] {
            let before = t.checked_sub(days * DAY);
            row.push(scaled(self.at(Signal::DayAheadPrice, before) - here));
        }
        row.push(self.at(Signal::NetImbalanceVolume, t.checked_sub(DAY)) / 500.0);
        if self.target == Target::ImbalancePrice {
            for days in [1, 2, 7] {
                let before = t.checked_sub(days * DAY);
                row.push(scaled(self.at(Signal::ImbalancePrice, before) - self.at(Signal::IntradayPrice, before)));
            }
            row.push((t + 1 - self.now) as f64);
        }
        self.system(t, row);
    }

    fn carbon_row(&self, t: usize, row: &mut Vec<f64>) {
        let scaled = |x: f64| x / self.scale;
        let value = |i: Option<usize>| i.and_then(|i| self.target.known(self.known, i)).unwrap_or(f64::NAN);
        let base_at = (1..=14).filter_map(|d| t.checked_sub(d * DAY)).find(|i| value(Some(*i)).is_finite());
        let base = self.base(t);
        for days in [1, 2, 6] {
            row.push(scaled(value(base_at.and_then(|i| i.checked_sub(days * DAY))) - base));
        }
        row.push(scaled(base - self.common_level()));
        row.push(scaled(self.newest_value - base));
        let published = |signal| (self.at(signal, Some(t)), self.at(signal, base_at));
        let (wind, wind_then) = published(Signal::DayAheadForecastWind);
        let wind_was = self.at(Signal::Wind, base_at);
        row.extend([(wind - wind_was) * GW10, (wind - wind_then) * GW10]);
        let (demand, demand_then) = published(Signal::DayAheadForecastDemand);
        row.push((demand - demand_then) * GW10);
        let (sun, sun_then) = published(Signal::DayAheadForecastEmbeddedSolar);
        row.push((sun - sun_then) * GW10);
        let (near, near_then) = published(Signal::DayAheadForecastEmbeddedWind);
        row.push((near - near_then) * GW10);
        // The share of gas in what is left moves carbon most where wind and demand are small.
        row.push((wind - wind_was) / (demand.max(15_000.0)) * 3.0);
        row.push((demand - wind) / demand - (demand_then - wind_then) / demand_then);
        let price_scale = self.price(t).abs().max(30.0);
        row.push((self.price(t) - self.at(Signal::DayAheadPrice, base_at)) / price_scale);
        row.push((t - base_at.unwrap_or(t)) as f64 / DAY as f64);
        let weekend = |i: usize| self.known.local(i).weekday >= 5;
        row.push(f64::from(u8::from(weekend(t))) - base_at.map_or(0.0, |i| f64::from(u8::from(weekend(i)))));
        self.system(t, row);
    }

    fn wind_row(&self, t: usize, row: &mut Vec<f64>) {
        let published = self.at(Signal::DayAheadForecastWind, Some(t));
        let base = self.base(t);
        row.extend([
            base / self.scale,
            (self.newest_value - base) / self.scale,
            (published - self.newest_value) / self.scale,
        ]);
        for periods in [2, 6] {
            let change = self.at(Signal::DayAheadForecastWind, Some(t + periods))
                - self.at(Signal::DayAheadForecastWind, t.checked_sub(periods));
            row.push(change / self.scale);
        }
        row.push(f64::from(u8::from(published.is_finite())));
        let embedded = self.at(Signal::DayAheadForecastEmbeddedWind, Some(t));
        row.push(embedded * GW10);
        let price_scale = self.price(t).abs().max(30.0);
        row.push((self.price(t) - self.price(self.now)) / price_scale);
        // Grid constraints switch turbines off where prices are low.
        row.push(self.price(t).clamp(-50.0, 300.0) / 100.0);
        row.push(published * GW10);
    }

    fn solar_row(&self, t: usize, row: &mut Vec<f64>) {
        let scale = self.scale_at(t).max(1e-3);
        let published = self.solar_published(t);
        let value = |i: Option<usize>| i.and_then(|i| self.known.solar_factor(i)).unwrap_or(f64::NAN);
        row.extend([published / scale, self.solar_usual(t) / scale, scale, self.base(t) / scale]);
        row.push(value(t.checked_sub(DAY)) / scale);
        row.push(value(t.checked_sub(2 * DAY)) / scale);
        row.push((self.solar_published(t + 2) - self.solar_published(t.saturating_sub(2))) / scale);
        row.push(f64::from(u8::from(published.is_finite())));
    }

    /// Mean of the newest day of the target, the second of the common features.
    fn common_level(&self) -> f64 {
        self.common.first().map_or(f64::NAN, |level| level * self.scale)
    }

    pub(super) fn fill_common(&mut self) {
        let mut common = Vec::with_capacity(32);
        match self.target {
            Target::IntradayPrice | Target::ImbalancePrice => self.price_common(&mut common),
            Target::Carbon => self.carbon_common(&mut common),
            Target::Wind => self.wind_common(&mut common),
            Target::Solar => self.solar_common(&mut common),
        }
        self.common = common;
    }

    fn price_common(&self, out: &mut Vec<f64>) {
        let known = self.known;
        let at = known.latest(Signal::IntradayPrice, self.now).map_or(self.now, |(at, _)| at);
        let spread = |t: usize| self.spread(t).map(|x| x / self.scale);
        let back = |periods: usize| at.saturating_sub(periods);
        let part = |periods: usize| mean((back(periods - 1)..=at).filter_map(spread)).unwrap_or(f64::NAN);
        for lag in [0, 1, 2, 3, 4] {
            out.push(spread(back(lag)).unwrap_or(f64::NAN));
        }
        out.extend([part(6), part(DAY), part(WEEK)]);
        out.push(self.scale.ln());
        let last = known.latest(Signal::NetImbalanceVolume, self.now).map_or(self.now, |(at, _)| at);
        let niv = |t: usize| known.get(Signal::NetImbalanceVolume, t).map(|x| x / 500.0);
        let premium = |t: usize| {
            Some((known.get(Signal::ImbalancePrice, t)? - known.get(Signal::IntradayPrice, t)?) / self.scale)
        };
        for lag in 0..3 {
            out.push(niv(last.saturating_sub(lag)).unwrap_or(f64::NAN));
            out.push(premium(last.saturating_sub(lag)).unwrap_or(f64::NAN));
        }
        for periods in [6, DAY] {
            let from = last.saturating_sub(periods - 1);
            out.push(mean((from..=last).filter_map(niv)).unwrap_or(f64::NAN));
            out.push(mean((from..=last).filter_map(premium)).unwrap_or(f64::NAN));
        }
        self.surprises(out);
    }

    /// How today's published forecasts have come true so far; 4 numbers.
    fn surprises(&self, out: &mut Vec<f64>) {
        let known = self.known;
        let error = |actual: Signal, published: Signal| {
            move |t: usize| Some((known.get(actual, t)? - known.get(published, t)?) * GW10)
        };
        let last = self.now.saturating_sub(1);
        let wind = error(Signal::Wind, Signal::DayAheadForecastWind);
        let demand = error(Signal::Demand, Signal::DayAheadForecastDemand);
        out.push(wind(last).unwrap_or(f64::NAN));
        out.push(mean((last.saturating_sub(11)..=last).filter_map(wind)).unwrap_or(f64::NAN));
        out.push(mean((last.saturating_sub(DAY - 1)..=last).filter_map(wind)).unwrap_or(f64::NAN));
        out.push(mean((last.saturating_sub(11)..=last).filter_map(demand)).unwrap_or(f64::NAN));
    }

    fn carbon_common(&self, out: &mut Vec<f64>) {
        let known = self.known;
        let value = |t: usize| self.target.known(known, t);
        let newest = self.newest;
        let part = |periods: usize| {
            mean((newest.saturating_sub(periods - 1)..=newest).filter_map(value)).unwrap_or(f64::NAN) / self.scale
        };
        let (day, week) = (part(DAY), part(WEEK));
        out.extend([day, week, part(WEEK) - day]);
        let change = |t: Option<usize>| {
            let t = t?;
            Some((value(t)? - value(t.checked_sub(DAY)?)?) / self.scale)
        };
        for lag in [0, 2, 4, 8, 16, 24] {
            out.push(change(newest.checked_sub(lag)).unwrap_or(f64::NAN));
        }
        out.push((self.newest_value / self.scale) - day);
        let last = self.now.checked_sub(1);
        let demand = self.at(Signal::FuelTotal, last);
        for signal in
            [Signal::Gas, Signal::Wind, Signal::Nuclear, Signal::Interconnectors, Signal::Coal, Signal::Biomass]
        {
            out.push(self.at(signal, last) / demand.max(10_000.0));
        }
        let yesterday = last.and_then(|t| t.checked_sub(DAY));
        for signal in [Signal::Wind, Signal::Gas, Signal::Interconnectors] {
            out.push((self.at(signal, last) - self.at(signal, yesterday)) * GW10);
        }
        self.surprises(out);
    }

    fn wind_common(&self, out: &mut Vec<f64>) {
        let known = self.known;
        let newest = self.newest;
        let error = |t: usize| {
            let published = known.get(Signal::DayAheadForecastWind, t)?;
            Some((known.get(Signal::Wind, t)? - published) / self.scale)
        };
        let value = |t: usize| known.get(Signal::Wind, t).map(|x| x / self.scale);
        for lag in [0, 1, 2, 4, 8] {
            out.push(newest.checked_sub(lag).and_then(error).unwrap_or(f64::NAN));
        }
        for periods in [12, DAY, WEEK] {
            let from = newest.saturating_sub(periods - 1);
            out.push(mean((from..=newest).filter_map(error)).unwrap_or(f64::NAN));
        }
        let latest = self.newest_value / self.scale;
        for lag in [1, 2, 4, 12, 24] {
            out.push(latest - newest.checked_sub(lag).and_then(value).unwrap_or(f64::NAN));
        }
        let week = mean((newest.saturating_sub(WEEK - 1)..=newest).filter_map(value)).unwrap_or(f64::NAN);
        out.extend([latest, week, latest - week]);
    }

    fn solar_common(&self, out: &mut Vec<f64>) {
        let known = self.known;
        let newest = self.newest;
        let part = |from: usize, of: &dyn Fn(usize) -> Option<f64>| mean((from..=newest).filter_map(of));
        let ratio = |periods: usize, usual: &dyn Fn(usize) -> Option<f64>| {
            let from = newest.saturating_sub(periods - 1);
            let (actual, expected) = (part(from, &|t| known.solar_factor(t)), part(from, usual));
            match (actual, expected) {
                (Some(y), Some(x)) if x > 0.01 => (y - x) / x,
                _ => f64::NAN,
            }
        };
        let usual = |t: usize| Some(self.solar_usual(t));
        let published = |t: usize| Some(self.solar_published(t)).filter(|x| x.is_finite());
        for periods in [2, 6, DAY] {
            out.extend([ratio(periods, &usual), ratio(periods, &published)]);
        }
    }
}
