import OptimizerEngine
import TensorFormats

// The settings inside a state file: a creation's members and the session's dtype.

extension SettingsDocument {
    /// Canonical: equal settings give equal text.
    ///
    /// - Parameter change: settings that are to come in force.
    static func text(of state: SessionState, changedBy change: SettingsChange? = nil) -> String {
        let defaults = change?.hyperparameters.defaults ?? state.optimizer.defaults
        let groups = change?.hyperparameters.groups ?? state.optimizer.groups
        let policy = change?.policy ?? state.policy
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("dtype")
        writer.string(state.optimizer.elementType.dtype.rawValue)
        writer.name("optimizer")
        writer.beginObject()
        var all = HyperparameterOverrides(defaults)
        // No schedule is what a file says by saying nothing, as files did that knew of none.
        if defaults.lrSchedule == nil { all[.lrSchedule] = nil }
        writer.overrides(all, of: defaults.type)
        writer.endObject()
        writer.name("param_groups")
        writer.beginArray()
        for (index, group) in groups.enumerated()
        where !group.isImplied(at: index) {
            writer.beginObject()
            writer.name("name")
            writer.string(group.name)
            writer.name("params")
            writer.beginArray()
            for name in state.names(of: group.members) { writer.string(name) }
            writer.endArray()
            writer.overrides(group.overrides, of: group.hyperparameters.type)
            writer.endObject()
        }
        writer.endArray()
        writer.name("max_grad_norm")
        if let norm = policy.maxGradNorm { writer.number(norm) } else { writer.null() }
        writer.name("nonfinite")
        writer.string(policy.nonfinite.rawValue)
        // What a file says nothing of is as it was for files that knew of none of these.
        if policy.normType != .two {
            writer.name("norm_type")
            writer.value(policy.normType)
        }
        if let value = policy.clipValue { writer.member("clip_value", value) }
        if policy.concurrency != .open {
            writer.name("concurrency")
            writer.value(policy.concurrency)
        }
        if let scaler = policy.gradScaler {
            writer.name("grad_scaler")
            writer.value(scaler)
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Reads `text(of:)` back. Pointers of errors lead on from `pointer`.
    static func stateSettings(
        _ text: String, at pointer: String
    ) throws(SettingsFault) -> (SessionSettings, ElementType) {
        do throws(SettingsFault) {
            var members = try self.members(text)
            guard let index = members.firstIndex(where: { $0.name == "dtype" }) else {
                throw SettingsFault(.missingMember, "/dtype", "is required")
            }
            guard case .string(let name) = members.remove(at: index).value,
                let type = DType(rawValue: name).flatMap(ElementType.init)
            else {
                throw SettingsFault(
                    .invalidValue, "/dtype", "must be \"F32\", \"F64\", \"F16\" or \"BF16\"")
            }
            return (try settings(from: members), type)
        } catch {
            throw SettingsFault(error.kind, pointer + error.pointer, error.detail)
        }
    }

    private static func members(_ text: String) throws(SettingsFault) -> [JSONMember] {
        // The file's header has been bounded already.
        var limits = FormatLimits()
        limits.jsonValueBytes = .max
        let value: JSONValue
        do {
            value = try text.parsedAsJSON(limits: limits)
        } catch {
            throw SettingsFault(
                .invalidValue, "", "is not JSON at byte \(error.offset): \(error.reason)")
        }
        guard case .object(let members) = value else {
            throw SettingsFault(.invalidValue, "", "must be an object, not \(value.kind)")
        }
        return members
    }
}

extension GroupTable.Group {
    /// Whether the group comes back by itself when it is left out.
    fileprivate func isImplied(at index: Int) -> Bool {
        index == 0 && name == GroupTable.defaultName && !members.isEmpty
            && overrides == HyperparameterOverrides()
    }
}
