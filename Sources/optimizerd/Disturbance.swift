#if DEBUG
import SystemIO

/// Faults that a test orders through the environment, to happen in the real process. Debug builds
/// only.
///
/// `CRASH_AT=after-append:3` ends it at a moment of a step's way to the disk (`CrashPoint`);
/// `FAIL_AT=data-sync:5` lets every sync after the fifth fail with EIO.
enum Disturbance {
    static func arm() throws(SettingError) {
        if let text = ProcessEnvironment.value(of: "CRASH_AT"), !CrashPoint.arm(text) {
            throw SettingError("CRASH_AT=\(text) names no crash point.")
        }
        guard let text = ProcessEnvironment.value(of: "FAIL_AT") else { return }
        let parts = text.split(separator: ":")
        guard parts.count == 2, let call = calls[String(parts[0])], let spared = Int(parts[1])
        else { throw SettingError("FAIL_AT=\(text) names no call.") }
        ForcedErrno.always(call, .inputOutput, after: spared)
    }

    private static let calls: [String: SystemCall] = [
        "data-sync": .dataSync, "file-sync": .fileSync, "file-write": .fileWrite,
        "rename": .rename,
    ]
}
#endif
