import SystemIO

extension DirectorySettings {
    /// The data directory: as given, or where this user's programs keep their state (the XDG base
    /// directory specification; systemd names its own directory in STATE_DIRECTORY).
    var path: String {
        get throws(SettingError) {
            if let dataDir { return dataDir }
            if let state = ProcessEnvironment.value(of: "STATE_DIRECTORY"), !state.isEmpty {
                return String(state.prefix { $0 != ":" })
            }
            if let state = ProcessEnvironment.value(of: "XDG_STATE_HOME"), state.hasPrefix("/") {
                return "\(state)/optimizerd"
            }
            guard let home = ProcessEnvironment.value(of: "HOME"), !home.isEmpty else {
                throw SettingError(
                    "There is no HOME to keep sessions in; name a directory with --data-dir.")
            }
            return "\(home)/.local/state/optimizerd"
        }
    }
}
