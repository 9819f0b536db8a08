//! Fitted forecasts as a folder: a manifest and a file per member.
//!
//! In: a trace to fit on, or a folder. Out: [`FittedForecasts`]. Always: nothing after the end of the range to fit on is
//! seen; the same table, range and options give the same bytes; a damaged file is refused by name. No Burn is needed.
//! Not here: the members (`member.rs`), who speaks of which moment (`folds.rs`), scores (`backtest.rs`).

use super::conformal::Conformal;
use super::contract::Target;
use super::ensemble::Ensemble;
use super::folds::{Fold, Panel};
use super::member::{FitError, FitOptions, KINDS, Member};
use super::residuals;
use super::rolling::EnsembleOptions;
use super::selection::{self, Selection};
use flexai_env::grid::{GridTrace, Period};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Format of the folder; another number is refused.
pub const FORMAT: u32 = 2;
const MANIFEST: &str = "manifest.json";

/// What a folder of fitted forecasts says of itself: `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastManifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the table it was fitted on.
    pub table: String,
    /// Hash of the periods up to the end of the range it was fitted on.
    pub table_hash: String,
    /// First period fitted on.
    pub from: Period,
    /// Period after the last one.
    pub to: Period,
    /// How members were fitted.
    pub fit: FitOptions,
    /// How they are mixed.
    pub ensemble: EnsembleOptions,
    /// Files of the members, in order.
    pub members: Vec<MemberFile>,
    /// Blocks of the range, and members that have not seen them; none where the range is short.
    pub folds: Vec<FoldFiles>,
    /// Who takes part, by target and band of leads; everybody where there are no folds.
    pub selections: Vec<Selection>,
    /// Quantiles of scaled errors for the first weeks of a trace, of each target.
    first_weeks: Vec<Conformal>,
}

/// A block of the range that was fitted on, and the files of members that were fitted to the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoldFiles {
    /// First period of the block.
    pub from: Period,
    /// Period after the last one.
    pub to: Period,
    /// Files of those that learn; the others are the same for all moments.
    pub members: Vec<MemberFile>,
}

/// A member's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberFile {
    /// Name of the member.
    pub name: String,
    /// Its file in the folder.
    pub file: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
}

/// Fitted members and the ensemble of them.
#[derive(Clone)]
pub struct FittedForecasts {
    manifest: ForecastManifest,
    panel: Arc<Panel>,
    /// Of each file, in the order of the manifest.
    bytes: Arc<Vec<Vec<u8>>>,
}

impl std::fmt::Debug for FittedForecasts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FittedForecasts").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

/// A folder of forecasts that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ForecastFileError {
    /// A file cannot be read or written.
    #[error("{path}: {reason}\n\nhint: name a folder made by `flexai forecast fit`", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The manifest is no manifest.
    #[error("{path}: {reason}\n\nhint: fit it again with `flexai forecast fit`", path = path.display())]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A member's file is not the one that was written.
    #[error(
        "{path}: SHA-256 is {found}, expected {expected}: the file was changed or is damaged\n\n\
         hint: fit it again with `flexai forecast fit`",
        path = path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Sum of what is there.
        found: String,
        /// Sum in the manifest.
        expected: String,
    },
}

impl FittedForecasts {
    /// Fits every member on `range` of a trace. What comes after the range is cut off before anything looks at it.
    ///
    /// # Errors
    /// [`FitError`] if there is too little to fit on.
    pub fn fit(
        trace: &GridTrace,
        range: Range<usize>,
        fit: &FitOptions,
        ensemble: &EnsembleOptions,
    ) -> Result<Self, FitError> {
        let seen = trace.slice(0..range.end);
        let panel = Panel::fit(&seen, range.start, fit)?;
        let mut bytes = Vec::new();
        let members = panel.members().iter().map(|member| describe(&**member, "", &mut bytes)).collect();
        let folds = panel.folds().iter().enumerate().map(|(i, fold)| {
            let prefix = format!("fold-{}-", i + 1);
            let members = fold.members.iter().flatten();
            let members = members.map(|member| describe(&**member, &prefix, &mut bytes)).collect();
            FoldFiles { from: fold.from, to: fold.to, members }
        });
        let folds = folds.collect();
        let last = |now: usize| *panel.at(seen.period(now)).last().expect("there are members");
        let first_weeks = Target::ALL.map(|target| residuals::conformal_of(&last, target, &seen, range.start)).into();
        let manifest = ForecastManifest {
            format: FORMAT,
            table: seen.source().name.clone(),
            table_hash: seen.content_hash(),
            from: seen.period(range.start),
            to: seen.end(),
            fit: *fit,
            ensemble: *ensemble,
            members,
            folds,
            selections: selection::select(&panel, &seen, range.start, ensemble),
            first_weeks,
        };
        Ok(Self { manifest, panel: Arc::new(panel), bytes: Arc::new(bytes) })
    }

    /// What the folder says of itself.
    pub fn manifest(&self) -> &ForecastManifest {
        &self.manifest
    }

    /// All members as fitted to the whole range, in the order of [`KINDS`].
    pub fn members(&self) -> &[Box<dyn Member>] {
        self.panel.members()
    }

    /// The members that may speak at a moment: inside the range that was fitted on, those that have not seen it.
    pub fn members_at(&self, now: Period) -> Vec<&dyn Member> {
        self.panel.at(now)
    }

    /// The ensemble of the members.
    pub fn ensemble(&self) -> Ensemble {
        let first_weeks = Arc::new(self.manifest.first_weeks.clone());
        let joins = Arc::new(Target::ALL.map(|target| selection::joins(&self.manifest.selections, target)).into());
        Ensemble::new(Arc::clone(&self.panel), self.manifest.ensemble, first_weeks, joins)
    }

    /// The same with other weights and intervals.
    pub fn with_ensemble(mut self, options: EnsembleOptions) -> Self {
        self.manifest.ensemble = options;
        self
    }

    #[cfg(test)]
    pub(super) fn with_selections(mut self, selections: &[Selection]) -> Self {
        self.manifest.selections = selections.to_vec();
        self
    }

    /// Short hash of everything in it: the manifest names the sums of all files.
    pub fn hash(&self) -> String {
        sum(&self.manifest_bytes())[..16].to_owned()
    }

    /// Writes the folder.
    ///
    /// # Errors
    /// [`ForecastFileError::File`] if that cannot be done.
    pub fn save(&self, folder: &Path) -> Result<(), ForecastFileError> {
        let fault = |path: &Path| {
            let path = path.to_owned();
            move |reason| ForecastFileError::File { path, reason }
        };
        fs::create_dir_all(folder).map_err(fault(folder))?;
        for (file, bytes) in self.manifest.files().zip(self.bytes.iter()) {
            let path = folder.join(&file.file);
            fs::write(&path, bytes).map_err(fault(&path))?;
        }
        let path = folder.join(MANIFEST);
        fs::write(&path, self.manifest_bytes()).map_err(fault(&path))
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// [`ForecastFileError`] with the file that is missing, damaged or of another format.
    pub fn load(folder: &Path) -> Result<Self, ForecastFileError> {
        let path = folder.join(MANIFEST);
        let manifest = read_manifest(&path)?;
        let mut all = Vec::new();
        let whole = manifest.members.iter().map(|file| read_member(folder, file, &mut all));
        let whole = whole.collect::<Result<Vec<_>, _>>()?;
        let mut folds = Vec::new();
        for fold in &manifest.folds {
            let mut stand_in = |whole: &MemberFile| {
                let file = fold.members.iter().find(|file| file.name == whole.name);
                file.map(|file| read_member(folder, file, &mut all)).transpose()
            };
            let members = manifest.members.iter().map(&mut stand_in).collect::<Result<_, _>>()?;
            folds.push(Fold { from: fold.from, to: fold.to, members });
        }
        Ok(Self { manifest, panel: Arc::new(Panel::new(whole, folds)), bytes: Arc::new(all) })
    }

    fn manifest_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(&self.manifest).expect("numbers and names serialise");
        bytes.push(b'\n');
        bytes
    }
}

impl ForecastManifest {
    /// Files of all members, in the order in which they are written and read.
    fn files(&self) -> impl Iterator<Item = &MemberFile> {
        self.members.iter().chain(self.folds.iter().flat_map(|fold| &fold.members))
    }
}

/// What the manifest says of a member; its bytes join the others.
fn describe(member: &dyn Member, prefix: &str, all: &mut Vec<Vec<u8>>) -> MemberFile {
    let bytes = member.save();
    let kind = if bytes.first() == Some(&b'{') { "json" } else { "bin" };
    let name = member.name().to_owned();
    let file = MemberFile { file: format!("{prefix}{name}.{kind}"), name, sha256: sum(&bytes) };
    all.push(bytes);
    file
}

fn read_member(folder: &Path, file: &MemberFile, all: &mut Vec<Vec<u8>>) -> Result<Box<dyn Member>, ForecastFileError> {
    let path = folder.join(&file.file);
    let bytes = fs::read(&path).map_err(|reason| ForecastFileError::File { path: path.clone(), reason })?;
    let found = sum(&bytes);
    if found != file.sha256 {
        return Err(ForecastFileError::Damaged { path, found, expected: file.sha256.clone() });
    }
    let fault = |reason| ForecastFileError::Manifest { path: path.clone(), reason };
    let kind = KINDS.iter().find(|kind| kind.name == file.name);
    let kind = kind.ok_or_else(|| fault(format!("`{}` is no forecast member of this program", file.name)))?;
    let member = (kind.load)(&bytes).map_err(fault)?;
    all.push(bytes);
    Ok(member)
}

fn read_manifest(path: &Path) -> Result<ForecastManifest, ForecastFileError> {
    let bytes = fs::read(path).map_err(|reason| ForecastFileError::File { path: path.to_owned(), reason })?;
    let fault = |reason: String| ForecastFileError::Manifest { path: path.to_owned(), reason };
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| fault(error.to_string()))?;
    let format = value.get("format").and_then(serde_json::Value::as_u64);
    if format != Some(u64::from(FORMAT)) {
        let found = format.map_or("no number".into(), |n| n.to_string());
        return Err(fault(format!("`format` is {found}, expected {FORMAT}")));
    }
    let manifest: ForecastManifest = serde_json::from_value(value).map_err(|error| fault(error.to_string()))?;
    let sound = manifest.first_weeks.len() == Target::ALL.len() && manifest.first_weeks.iter().all(Conformal::is_sound);
    let plain = |file: &MemberFile| !file.file.contains(['/', '\\']);
    if !sound
        || !selection::is_sound(&manifest.selections)
        || !manifest.files().all(plain)
        || manifest.members.is_empty()
    {
        return Err(fault("its members, selections or quantiles are incomplete".into()));
    }
    Ok(manifest)
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
