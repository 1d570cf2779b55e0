/**
 * Well-known IO elements (AVL ids): name, unit, scale. Data only, pure. Names and scales as in the vendor's public lists "Data
 * Sending Parameters ID" (FMB/FMC/FMM family, and FMB640/FMC640 for the professional family), as of 2023. An id that is
 * not here means nothing to Berth and stays as it came.
 */

/** How the bytes of a value are read. `text`: ASCII; `id`: hex digits that are a name, of a tag or a card. */
export type IoKind = "unsigned" | "signed" | "text" | "id";

export interface IoElement {
  readonly name: string;
  readonly unit: string;
  readonly scale: number;
  readonly kind: IoKind;
}

/** Device families whose ids mean different things. */
export const IO_FAMILIES = ["fmb", "fmx6"] as const;
export type IoFamily = (typeof IO_FAMILIES)[number];

type IoRow = readonly [id: number, name: string, unit?: string, scale?: number, kind?: IoKind];

/** What both families mean by it. */
const SHARED_ROWS: readonly IoRow[] = [
  [1, "Digital Input 1"],
  [2, "Digital Input 2"],
  [3, "Digital Input 3"],
  [9, "Analog Input 1", "V", 0.001],
  [21, "GSM Signal"],
  [24, "Speed", "km/h"],
  [66, "External Voltage", "V", 0.001],
  [67, "Battery Voltage", "V", 0.001],
  [68, "Battery Current", "A", 0.001],
  [72, "Dallas Temperature 1", "°C", 0.1, "signed"],
  [73, "Dallas Temperature 2", "°C", 0.1, "signed"],
  [74, "Dallas Temperature 3", "°C", 0.1, "signed"],
  [75, "Dallas Temperature 4", "°C", 0.1, "signed"],
  [78, "iButton", "", 1, "id"],
  [179, "Digital Output 1"],
  [180, "Digital Output 2"],
  [181, "GNSS PDOP", "", 0.1],
  [182, "GNSS HDOP", "", 0.1],
  [199, "Trip Odometer", "m"],
  [200, "Sleep Mode"],
  [205, "GSM Cell ID"],
  [206, "GSM Area Code"],
  [207, "RFID", "", 1, "id"],
  [239, "Ignition"],
  [240, "Movement"],
  [241, "Active GSM Operator"],
];

/** The basic family (FMB, FMC, FMM). */
const FMB_ROWS: readonly IoRow[] = [
  [6, "Analog Input 2", "V", 0.001],
  [10, "SD Status"],
  [11, "ICCID1"],
  [12, "Fuel Used GPS", "l", 0.001],
  [13, "Fuel Rate GPS", "l/100km", 0.01],
  [14, "ICCID2"],
  [15, "Eco Score", "", 0.01],
  [16, "Total Odometer", "m"],
  [17, "Axis X", "mG", 1, "signed"],
  [18, "Axis Y", "mG", 1, "signed"],
  [19, "Axis Z", "mG", 1, "signed"],
  [20, "BLE Battery 2", "%"],
  [22, "BLE Battery 3", "%"],
  [23, "BLE Battery 4", "%"],
  [25, "BLE Temperature 1", "°C", 0.01, "signed"],
  [26, "BLE Temperature 2", "°C", 0.01, "signed"],
  [27, "BLE Temperature 3", "°C", 0.01, "signed"],
  [28, "BLE Temperature 4", "°C", 0.01, "signed"],
  [29, "BLE Battery 1", "%"],
  [30, "Number of DTC"],
  [31, "Engine Load", "%"],
  [32, "Coolant Temperature", "°C", 1, "signed"],
  [33, "Short Fuel Trim", "%", 1, "signed"],
  [34, "Fuel Pressure", "kPa"],
  [35, "Intake MAP", "kPa"],
  [36, "Engine RPM", "rpm"],
  [37, "Vehicle Speed", "km/h"],
  [38, "Timing Advance", "°", 1, "signed"],
  [39, "Intake Air Temperature", "°C", 1, "signed"],
  [40, "MAF", "g/s", 0.01],
  [41, "Throttle Position", "%"],
  [42, "Runtime since Engine Start", "s"],
  [43, "Distance Traveled MIL On", "km"],
  [44, "Relative Fuel Rail Pressure", "kPa", 0.1],
  [45, "Direct Fuel Rail Pressure", "kPa", 10],
  [46, "Commanded EGR", "%"],
  [47, "EGR Error", "%", 1, "signed"],
  [48, "Fuel Level", "%"],
  [49, "Distance since Codes Clear", "km"],
  [50, "Barometric Pressure", "kPa"],
  [51, "Control Module Voltage", "V", 0.001],
  [52, "Absolute Load Value", "%"],
  [53, "Ambient Air Temperature", "°C", 1, "signed"],
  [54, "Time Run with MIL On", "min"],
  [55, "Time since Codes Cleared", "min"],
  [57, "Hybrid Battery Pack Life", "%"],
  [58, "Engine Oil Temperature", "°C"],
  [60, "Fuel Rate", "l/h", 0.01],
  [69, "GNSS Status"],
  [71, "Dallas Temperature ID 4", "", 1, "id"],
  [76, "Dallas Temperature ID 1", "", 1, "id"],
  [77, "Dallas Temperature ID 2", "", 1, "id"],
  [79, "Dallas Temperature ID 3", "", 1, "id"],
  [80, "Data Mode"],
  [86, "BLE Humidity 1", "%RH", 0.1],
  [104, "BLE Humidity 2", "%RH", 0.1],
  [106, "BLE Humidity 3", "%RH", 0.1],
  [108, "BLE Humidity 4", "%RH", 0.1],
  [113, "Battery Level", "%"],
  [155, "Geofence Zone 01"],
  [156, "Geofence Zone 02"],
  [157, "Geofence Zone 03"],
  [158, "Geofence Zone 04"],
  [159, "Geofence Zone 05"],
  [175, "Auto Geofence"],
  [236, "Alarm"],
  [237, "Network Type"],
  [238, "User ID", "", 1, "id"],
  [243, "Green Driving Event Duration", "ms"],
  [246, "Towing"],
  [247, "Crash Detection"],
  [248, "Immobilizer"],
  [249, "Jamming"],
  [250, "Trip"],
  [251, "Idling"],
  [252, "Unplug"],
  [253, "Green Driving Type"],
  [254, "Green Driving Value", "", 0.01],
  [255, "Over Speeding", "km/h"],
  [256, "VIN", "", 1, "text"],
  [257, "Crash Trace Data", "", 1, "id"],
  [281, "Fault Codes", "", 1, "text"],
  [303, "Instant Movement"],
  [325, "VIN", "", 1, "text"],
  [385, "Beacon", "", 1, "id"],
  [548, "Advanced BLE Beacon Data", "", 1, "id"],
];

/** The professional family (FMB640, FMC640, FMM640). */
const FMX6_ROWS: readonly IoRow[] = [
  [4, "Digital Input 4"],
  [10, "Analog Input 2", "V", 0.001],
  [11, "Analog Input 3", "V", 0.001],
  [22, "Data Mode"],
  [50, "Digital Output 3"],
  [51, "Digital Output 4"],
  [62, "Dallas Temperature ID 1", "", 1, "id"],
  [63, "Dallas Temperature ID 2", "", 1, "id"],
  [64, "Dallas Temperature ID 3", "", 1, "id"],
  [65, "Dallas Temperature ID 4", "", 1, "id"],
  [70, "PCB Temperature", "°C", 0.1, "signed"],
  [71, "GNSS Status"],
  [76, "Fuel Counter"],
  [144, "SD Status"],
  [178, "Network Type"],
  [216, "Total Odometer", "m"],
  [219, "CCID Part 1"],
  [220, "CCID Part 2"],
  [221, "CCID Part 3"],
  [236, "Axis X", "mG", 1, "signed"],
  [237, "Axis Y", "mG", 1, "signed"],
  [238, "Axis Z", "mG", 1, "signed"],
  [245, "Analog Input 4", "V", 0.001],
];

/** A family's elements, in order of id. */
function tableOf(own: readonly IoRow[]): ReadonlyMap<number, IoElement> {
  const rows = [...SHARED_ROWS, ...own].toSorted(([a], [b]) => a - b);
  return new Map(rows.map(([id, name, unit = "", scale = 1, kind = "unsigned"]) => [id, { name, unit, scale, kind }]));
}

const FAMILIES: Readonly<Record<IoFamily, ReadonlyMap<number, IoElement>>> = {
  fmb: tableOf(FMB_ROWS),
  fmx6: tableOf(FMX6_ROWS),
};

/** The element with that id in that family, or undefined. */
export const ioElement = (id: number, family: IoFamily): IoElement | undefined => FAMILIES[family].get(id);

/** All elements of a family, by id. */
export const ioElements = (family: IoFamily): ReadonlyMap<number, IoElement> => FAMILIES[family];
