import Logging
import OptimizerSessions

extension EventLog {
    func record(_ event: ArchiveEvent) {
        switch event {
        case .failed(let failure):
            logger.critical(
                "the disk has failed; nothing is acknowledged any more",
                metadata: ["reason": "\(failure)"])
        case .snapshotFailed(let session, let failure):
            logger.warning(
                "snapshot failed; the log goes on from the one before",
                metadata: ["session": "\(session)", "reason": "\(failure)"])
        case .leftBehind(let path, let error):
            logger.warning(
                "superfluous files could not be removed",
                metadata: ["path": "\(path)", "reason": "\(error)"])
        case .tornTail(let session, let bytes):
            logger.warning(
                "an unfinished record was cut off",
                metadata: ["session": "\(session)", "bytes": "\(bytes)"])
        case .passedOver(let session, let fault):
            logger.warning(
                "a damaged snapshot was passed over",
                metadata: ["session": "\(session)", "reason": "\(fault)"])
        case .journalLeftUnread(let fault):
            logger.warning(
                "a damaged journal was passed over; the segments had everything",
                metadata: ["reason": "\(fault)"])
        case .quarantined(let session, let fault):
            logger.error(
                "session quarantined",
                metadata: ["session": "\(session)", "reason": "\(fault)"])
        case .superseded(let path):
            logger.warning(
                "an earlier life of a session is passed over", metadata: ["path": "\(path)"])
        case .unfinishedCreation(let session):
            logger.info(
                "an unfinished creation was removed", metadata: ["session": "\(session)"])
        case .recovered(let session, let tally):
            logger.debug("session recovered", metadata: [
                "session": "\(session)", "steps": "\(tally.steps)", "bytes": "\(tally.bytes)",
            ])
        }
    }
}
