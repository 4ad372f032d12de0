import Logging

/// What is read at the start and again on SIGHUP.
extension EventLog {
    func identityRead() { logger.info("certificate read") }

    func tokensRead(_ path: String, count: Int) {
        logger.info("tokens read", metadata: ["file": "\(path)", "tokens": "\(count)"])
    }

    /// What was read before goes on to count.
    func reloadFailed(_ reason: String) {
        logger.error("reload failed", metadata: ["reason": "\(reason)"])
    }

    func nothingToReload() { logger.info("nothing to reload") }
}
