import HTTP1
import HTTPServer
import OptimizerEngine
import OptimizerSessions
import TensorFormats

/// The bounds of this room: what a request body may be.
package struct ServiceLimits: Sendable {
    /// 413 beyond.
    package var bodyBytes = 1 << 30
    /// JSON is some five times as long as the tensors that it stands for. 413 beyond.
    package var jsonBodyBytes = 256 << 20

    /// A patch, and the memory that the options of a step take: room for some ten thousand groups
    /// that each have a learning rate of their own. 413 beyond.
    package static let documentBytes = 1 << 20

    /// What each byte of a compressed body may inflate to. Text and numbers stay below thirty, and
    /// what exceeds this is nearly all zeros: a session's own layout is therefore exempt, and the
    /// first `documentBytes` are. 413 beyond.
    package static let inflationRatio = 200

    package init() {}
}

/// Every bound of the process, gathered from the rooms that keep them, with its unit in its
/// name; what `GET /v1` publishes and the README's table lists.
package struct PublishedLimits: Sendable {
    package let entries: [(name: String, value: Int)]

    package init(
        service: ServiceLimits, formats: FormatLimits, sessions: SessionLimits,
        server: ServerConfiguration, inFlightBodyBytes: Int, openLogFiles: Int
    ) {
        entries = [
            ("request_line_bytes", server.limits.requestLineBytes),
            ("field_section_bytes", server.limits.fieldSectionBytes),
            ("field_count", server.limits.fieldCount),
            ("body_bytes", service.bodyBytes),
            ("json_body_bytes", service.jsonBodyBytes),
            ("document_bytes", ServiceLimits.documentBytes),
            ("inflation_ratio", ServiceLimits.inflationRatio),
            ("json_value_bytes", formats.jsonValueBytes),
            ("json_depth", formats.jsonDepth),
            ("json_token_bytes", formats.jsonTokenBytes),
            ("safetensors_header_bytes", formats.safetensorsHeaderBytes),
            ("metadata_count", formats.metadataCount),
            ("tensor_count", formats.tensorCount),
            ("tensor_rank", formats.rank),
            ("tensor_name_bytes", formats.nameBytes),
            ("session_name_bytes", SessionName.limitBytes),
            ("group_count", SessionSettings.groupLimit),
            ("schedule_weight", LearningRateSchedule.weightLimit),
            ("head_deadline_seconds", server.headDeadline.seconds),
            ("body_rate_bytes_per_second", server.bodyRateBytesPerSecond),
            ("body_rate_window_seconds", server.bodyRateWindow.seconds),
            ("write_progress_deadline_seconds", server.writeProgressDeadline.seconds),
            ("idle_seconds", server.idleTimeout.seconds),
            ("connections", server.maxConnections),
            ("requests_per_connection", server.requestsPerConnection),
            ("in_flight_body_bytes", inFlightBodyBytes),
            ("queue_per_session", sessions.waitingPerSession),
            ("idempotency_key_bytes", IdempotencyField.limitBytes),
            ("idempotency_key_seconds", ReceiptBounds.keySeconds),
            ("receipts_per_session", ReceiptBounds.recentCount),
            ("idempotency_keys_per_session", ReceiptBounds.limit),
            ("retained_steps", sessions.retainedSteps),
            ("waiting_rebuilds", Archive.rebuildLimit),
            ("open_log_files", openLogFiles),
            ("sessions", sessions.sessionCount),
            ("state_bytes", sessions.stateBytes),
            ("wait_seconds", PollRoom.longestWaitSeconds),
            ("waiting_reads", PollRoom.waitingLimit),
            ("page_size", SessionListEndpoint.pageSizes.upperBound),
        ]
    }
}

extension Duration {
    /// Whole seconds.
    fileprivate var seconds: Int { Int(components.seconds) }
}
