//! One small good file of every format, written by hand in the publisher's form.

use super::super::{PUBLISHERS, Publisher};

const PORTAL_MID: &[u8] = b"Settlement Date,Settlement Period,Market Index Data Provider Id,Market Index Volume (MWh),Market Index Price (\xa3/MWh)\r\n\
01 January 2024,1,APXMIDP ,664.4,36.51\r\n01 January 2024,1,N2EXMIDP,0,0\r\n01 January 2024,2,APXMIDP ,768.65,-45.17\r\n\
01 January 2024,3,APXMIDP ,0,0\r\n11 April 2024,5,APXMIDP ,2058.95,0\r\n";

const PORTAL_PRICES: &str = "Settlement Date,Settlement Period,System Sell Price(GBP/MWh),System Buy Price(GBP/MWh),Net Imbalance Volume(MWh)\n\
26/03/2023,46,15,15,-1058.307\n29/10/2023,50,16,16,12.5\n01/11/2013,1,30,35,7\n";

const LEGACY_MID: &str = "Record Type,Data Provider,Settlement Date,Settlement Period,Price,Volume\r\n\
MID,APXMIDP,20170101,1,44.90,505.000\r\nMID,N2EXMIDP,20170101,1,0.00,0.000\r\nMID,APXMIDP,20170701,1,47.13,559.150\r\n";

const WEBSITE_MID: &str = "StartTime,DataProvider,SettlementDate,SettlementPeriod,Price,Volume\n\
2026-03-24T11:30:00Z,APXMIDP,2026-03-24,24,68.11,2643.250\n2026-03-24T11:30:00Z,N2EXMIDP,2026-03-24,24,0.00,0.000\n\
2026-03-24T11:00:00Z,APXMIDP,2026-03-24,23,70.50,2100.000\n";

const INSIGHTS_MID: &str = r#"{"data":[
{"dataset":"MID","startTime":"2024-07-01T11:30:00Z","dataProvider":"APXMIDP","settlementDate":"2024-07-01","settlementPeriod":26,"price":61.5,"volume":900.1},
{"dataset":"MID","startTime":"2024-07-01T11:30:00Z","dataProvider":"N2EXMIDP","settlementDate":"2024-07-01","settlementPeriod":26,"price":0.0,"volume":0.0},
{"dataset":"MID","startTime":"2024-07-01T12:00:00Z","dataProvider":"APXMIDP","settlementDate":"2024-07-01","settlementPeriod":27,"price":0.0,"volume":0.0},
{"dataset":"MID","startTime":"2024-07-01T12:30:00Z","dataProvider":"APXMIDP","settlementDate":"2024-07-01","settlementPeriod":28,"price":null,"volume":null}]}"#;

const INSIGHTS_PRICES: &str = r#"{"metadata":{"datasets":["DISEBSP"]},"data":[
{"settlementDate":"2026-08-08","settlementPeriod":1,"startTime":"2026-08-07T23:00:00Z","createdDateTime":"2026-08-08T23:44:33Z","systemSellPrice":91.0,"systemBuyPrice":91.0,"bsadDefaulted":false,"netImbalanceVolume":-18.117487996100632},
{"settlementDate":"2026-08-08","settlementPeriod":1,"startTime":"2026-08-07T23:00:00Z","createdDateTime":"2026-08-20T10:00:00Z","systemSellPrice":92.5,"systemBuyPrice":92.5,"bsadDefaulted":false,"netImbalanceVolume":-18.0},
{"settlementDate":"2026-08-08","settlementPeriod":2,"startTime":"2026-08-07T23:30:00Z","createdDateTime":"2026-08-08T23:44:33Z","systemSellPrice":88.0,"systemBuyPrice":88.0,"bsadDefaulted":false,"netImbalanceVolume":null}]}"#;

const DEMAND_FORECAST: &str = r#"{"metadata":{"datasets":["NDF","TSDF"]},"data":[
{"startTime":"2024-01-02T00:00:00Z","settlementDate":"2024-01-02","settlementPeriod":1,"boundary":"N","publishTime":"2024-01-01T08:45:00Z","transmissionSystemDemand":24000,"nationalDemand":22000},
{"startTime":"2024-01-02T00:00:00Z","settlementDate":"2024-01-02","settlementPeriod":1,"boundary":"N","publishTime":"2024-01-01T10:45:00Z","transmissionSystemDemand":24100,"nationalDemand":22100},
{"startTime":"2024-01-02T00:00:00Z","settlementDate":"2024-01-02","settlementPeriod":1,"boundary":"N","publishTime":"2024-01-01T11:00:00Z","transmissionSystemDemand":24200,"nationalDemand":22200},
{"startTime":"2024-01-02T00:30:00Z","settlementDate":"2024-01-02","settlementPeriod":2,"boundary":"N","publishTime":"2024-01-02T00:16:00Z","transmissionSystemDemand":24787,"nationalDemand":23100}]}"#;

const OUTTURN: &str = r#"[
{"dataset":"INDO","publishTime":"2024-01-01T00:45:00Z","startTime":"2024-01-01T00:00:00Z","settlementDate":"2024-01-01","settlementPeriod":1,"demand":21783},
{"dataset":"ITSDO","publishTime":"2024-01-01T00:45:00Z","startTime":"2024-01-01T00:00:00Z","settlementDate":"2024-01-01","settlementPeriod":1,"demand":23466},
{"dataset":"INDO","publishTime":"2024-01-01T01:45:00Z","startTime":"2024-01-01T00:00:00Z","settlementDate":"2024-01-01","settlementPeriod":1,"demand":21790}]"#;

const NESO_DEMAND: &str = "SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND,TSD,ENGLAND_WALES_DEMAND,EMBEDDED_WIND_GENERATION,EMBEDDED_WIND_CAPACITY,EMBEDDED_SOLAR_GENERATION,EMBEDDED_SOLAR_CAPACITY\r\n\
01-JAN-2024,1,21783,23466,19539,2804,6488,0,16793\r\n01-JAN-2024,2,22521,24103,20286,2834,6488,12,16793\r\n31-MAR-2024,46,22194,24754,20070,2868,6488,0,16793\r\n";

const NESO_FORECAST: &str = "\"DAYSAHEAD\",\"TARGETDATE\",\"FORECASTDEMAND\",\"CARDINALPOINT\",\"CP_TYPE\",\"CP_ST_TIME\",\"CP_END_TIME\",\"F_Point\",\"FORECAST_TIMESTAMP\"\n\
1,\"2018-01-02\",24000,\"1F\",\"F\",30,30,NA,\"2018-01-01T08:46:43Z\"\n1,\"2018-01-02\",25000,\"1A\",\"P\",100,230,NA,\"2018-01-01T08:46:43Z\"\n\
1,\"2018-01-02\",45000,\"DP\",\"P\",1700,1900,EM,\"2018-01-01T08:46:43Z\"\n1,\"2018-01-02\",26000,\"4C\",\"F\",2400,2400,NA,\"2018-01-01T08:46:43Z\"\n\
1,\"2018-01-02\",99000,\"1F\",\"F\",30,30,NA,\"2018-01-01T11:46:43Z\"\n2,\"2018-01-03\",24920,\"1F\",\"F\",30,30,NA,\"2018-01-01T08:46:43Z\"\n\
1,\"2018-01-04\",24920,\"1F\",\"F\",30,30,NA,\"2018-01-04T08:46:43Z\"\n";

const GENERATION_MIX: &str = "RENEWABLE_perc,NUCLEAR,DATETIME,GAS,COAL,WIND,WIND_EMB,HYDRO,IMPORTS,BIOMASS,OTHER,SOLAR,STORAGE,GENERATION,CARBON_INTENSITY\n\
40.1,4000,2026-01-01 00:00:00,9000,0,8000,2000,300,3000,2500,100,0,50,28950,151\n40.2,4001,2026-01-01 00:30:00,9100,0,8100,2100,310,3100,2510,110,0,0,29331,149.5\n";

const CARBON_JSON: &str = r#"{"data":[
{"from":"2020-05-24T20:30Z","to":"2020-05-24T21:00Z","intensity":{"forecast":146,"actual":null,"index":"low"}},
{"from":"2020-05-24T21:00Z","to":"2020-05-24T21:30Z","intensity":{"forecast":150,"actual":0,"index":"low"}},
{"from":"2020-05-24T21:30Z","to":"2020-05-24T22:00Z","intensity":{"forecast":155,"actual":149,"index":"low"}}]}"#;

const CARBON_CSV: &str = "from,to,forecast,actual,index\n2022-12-31 23:30:00+00:00,2023-01-01 00:00:00+00:00,75,65.0,low\n\
2023-01-01 00:00:00+00:00,2023-01-01 00:30:00+00:00,73,0.0,low\n2023-01-01 00:30:00+00:00,2023-01-01 01:00:00+00:00,63,,low\n";

const PVLIVE_CSV: &str = "gsp_id,datetime_gmt,generation_mw,lcl_mw,ucl_mw,installedcapacity_mwp,capacity_mwp\n\
0,2023-06-01T12:30:00Z,7000.5,6900.0,7100.0,15520.603,14633.415\n0,2023-06-01T12:00:00Z,6800.25,,,15520.603,14633.415\n\
12,2023-06-01T12:00:00Z,68.25,,,155.603,146.415\n";

const PVLIVE_JSON: &str = r#"{"data":[[0,"2023-06-01T12:30:00Z",7000.5],[0,"2023-06-01T12:00:00Z",null],[3,"2023-06-01T12:00:00Z",12.5]],"meta":["gsp_id","datetime_gmt","generation_mw"]}"#;

const PRODUCTION: &str = ",Biomass,Fossil Gas,Fossil Hard coal,Fossil Oil,Hydro Pumped Storage,Hydro Run-of-river and poundage,Nuclear,Other,Solar,Wind Offshore,Wind Onshore,FR,NL,IE,BE\n\
2020-10-31 00:00:00,737.0,5333.0,0.0,7.0,44.0,658.0,5827.0,138.0,0.0,5742.0,3263.0,1623.0,707.0,-100.0,820.0\n\
2020-10-31 00:15:00,737.0,5333.0,0.0,0.0,44.0,658.0,5827.0,138.0,0.0,5742.0,3263.0,1623.0,707.0,0.0,820.0\n\
2020-10-31 00:30:00,740.0,5400.0,0.0,0.0,44.0,658.0,5827.0,138.0,0.0,5742.0,3263.0,,,,\n";

const PAPER_CARBON: &str = "timestamp_utc,carbon_intensity_gco2_kwh\n2020-10-31T00:00:00Z,120.99546661944396\n\
2020-10-31T00:15:00Z,121.5\n2020-10-31T00:30:00Z,135.08869637679902\n";

const JOINED: &str =
    "timestamp_utc,price_gbp_mwh,demand_mw\n2024-01-01T00:00:00Z,36.51,21783\n2024-01-01T01:00:00Z,,22000\n";

/// FUELHH of two half-hours; in a third one every fuel reads 0, in a fourth OCGT is missing.
pub(super) fn fuelhh() -> String {
    let fuels =
        ["CCGT", "OCGT", "COAL", "OIL", "NUCLEAR", "WIND", "NPSHYD", "PS", "BIOMASS", "OTHER", "INTFR", "INTNED"];
    let mw = |period: usize, i: usize| match period {
        3 => 0,
        _ => 100 * (i as i64 + 1) + period as i64 - if fuels[i] == "PS" { 1500 } else { 0 },
    };
    let rows = (1..=5).flat_map(|period| fuels.iter().enumerate().map(move |(i, fuel)| (period, i, *fuel)));
    let rows = rows.filter(|(period, _, fuel)| !(*period == 4 && *fuel == "OCGT"));
    let json = rows.map(|(period, i, fuel)| {
        let minutes = 30 * (period - 1);
        let start = format!("2024-01-01T{:02}:{:02}:00Z", minutes / 60, minutes % 60);
        let publish = format!("2024-01-01T{:02}:05:00Z", minutes / 60 + 1);
        let (generation, fuel) = (mw(period, i), format!("\"fuelType\":\"{fuel}\""));
        format!(
            "{{\"dataset\":\"FUELHH\",\"publishTime\":\"{publish}\",\"startTime\":\"{start}\",\"settlementDate\":\"2024-01-01\",\
             \"settlementPeriod\":{period},{fuel},\"generation\":{generation}}}"
        )
    });
    format!("[{}]", json.collect::<Vec<_>>().join(","))
}

/// A Parquet file as the format's specification describes it: four optional values, of which the second is null,
/// uncompressed, in plain pages of version 1.
pub(super) fn parquet() -> Vec<u8> {
    let numbers = |values: [f64; 3]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    // 2023-01-01T00:30Z is 1,672,533,000 s after 1970.
    let stamps: Vec<u8> = (0..4_i64).flat_map(|t| ((1_672_533_000 + 1800 * t) * 1_000_000).to_le_bytes()).collect();
    // One run of the levels 1, then 0, then two of 1: each a run-length header (count << 1) and a byte.
    let holed = [6, 0, 0, 0, 2, 1, 2, 0, 4, 1];
    let whole = [2, 0, 0, 0, 8, 1];
    let pages = [
        [&holed[..], &numbers([-8.07, 200.0, 199.0])].concat(),
        [&holed[..], &numbers([62.48, 103.42, 122.1])].concat(),
        [&whole[..], &stamps].concat(),
    ];
    let mut file = b"PAR1".to_vec();
    let mut chunks = Vec::new();
    for page in &pages {
        let offset = file.len();
        // Page header: type 0, both sizes, then {4 values, PLAIN, RLE, RLE}.
        let mut header = vec![0x15, 0];
        header.push(0x15);
        header.extend(zigzag(page.len()));
        header.push(0x15);
        header.extend(zigzag(page.len()));
        header.extend([0x2c, 0x15, 8, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0]);
        file.extend(&header);
        file.extend(page);
        chunks.push((offset, header.len() + page.len()));
    }
    let footer = footer(&chunks);
    file.extend(&footer);
    file.extend((footer.len() as u32).to_le_bytes());
    file.extend(b"PAR1");
    file
}

const NAMES: [(&str, i64); 3] = [("MAIN PRICE SUMMARY", 5), ("MARKET PRICE SUMMARY", 5), ("time_stamp", 2)];

fn footer(chunks: &[(usize, usize)]) -> Vec<u8> {
    // Version 1, schema of four elements: the root with three children, then the leaves.
    let mut bytes = vec![0x15, 2, 0x19, 0x4c];
    bytes.extend([0x48, 1, b'r', 0x15, 6, 0]);
    for (name, kind) in NAMES {
        bytes.extend([0x15, (kind << 1) as u8, 0x25, 2, 0x18, name.len() as u8]);
        bytes.extend(name.as_bytes());
        if kind == 2 {
            // Converted type 10: TIMESTAMP_MICROS.
            bytes.extend([0x25, 20]);
        }
        bytes.push(0);
    }
    // 4 rows; one row group: its chunks, its size, its rows.
    bytes.extend([0x16, 8, 0x19, 0x1c, 0x19, 0x3c]);
    for ((name, kind), (offset, size)) in NAMES.iter().zip(chunks) {
        // file_offset, then the chunk's own structure: type, encodings, path, codec, values, sizes, offset.
        bytes.extend([0x26, 0, 0x1c, 0x15, (kind << 1) as u8, 0x19, 0x15, 0, 0x19, 0x18, name.len() as u8]);
        bytes.extend(name.as_bytes());
        bytes.extend([0x15, 0, 0x16, 8, 0x16]);
        bytes.extend(zigzag(*size));
        bytes.push(0x16);
        bytes.extend(zigzag(*size));
        bytes.push(0x26);
        bytes.extend(zigzag(*offset));
        bytes.extend([0, 0]);
    }
    bytes.extend([0x16, 0, 0x16, 8, 0, 0]);
    bytes
}

fn zigzag(value: usize) -> Vec<u8> {
    let (mut rest, mut bytes) = (value << 1, Vec::new());
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// A good file of a format.
pub(super) fn fixture(id: &str) -> Vec<u8> {
    match id {
        "elexon-portal-mid" => PORTAL_MID.to_vec(),
        "elexon-portal-system-prices" => PORTAL_PRICES.into(),
        "elexon-bmrs-legacy-mid" => LEGACY_MID.into(),
        "elexon-insights-mid-csv" => WEBSITE_MID.into(),
        "elexon-insights-mid" => INSIGHTS_MID.into(),
        "elexon-insights-system-prices" => INSIGHTS_PRICES.into(),
        "elexon-insights-fuelhh" => fuelhh().into(),
        "elexon-insights-demand-forecast" => DEMAND_FORECAST.into(),
        "elexon-insights-demand-outturn" => OUTTURN.into(),
        "neso-demand" => NESO_DEMAND.into(),
        "neso-demand-forecast" => NESO_FORECAST.into(),
        "neso-generation-mix" => GENERATION_MIX.into(),
        "carbon-intensity-api" => CARBON_JSON.into(),
        "carbon-intensity-csv" => CARBON_CSV.into(),
        "pvlive-csv" => PVLIVE_CSV.into(),
        "pvlive-api" => PVLIVE_JSON.into(),
        "mg298-detsysprices" => parquet(),
        "lets-wait-awhile-production" => PRODUCTION.into(),
        "lets-wait-awhile-carbon" => PAPER_CARBON.into(),
        "joined" => JOINED.into(),
        other => panic!("the format {other} has no fixture"),
    }
}

/// Every format with its fixture.
pub(super) fn all() -> impl Iterator<Item = (&'static Publisher, Vec<u8>)> {
    PUBLISHERS.iter().map(|publisher| (publisher, fixture(publisher.id)))
}
