import ArgumentParser
import OptimizerService
import SystemIO

/// `optimizerd token`: what there is to do with tokens.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Makes tokens for the file that --tokens names.",
        subcommands: [NewTokenCommand.self])
}

/// `optimizerd token new`: draws a token and tells it once.
struct NewTokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Makes a token and prints it, this once.",
        discussion: """
            Without --append the second line of the output is the one to add to the file of \
            tokens, which keeps a hash of the token only. A running service takes the file up \
            on SIGHUP.
            """)

    @Option(help: "What to call the token in the file and in answers; default: a random name.")
    var id: String?

    @Option(help: "read, step (holds read) or admin (holds both).")
    var scope = "read"

    @Option(help: "What the names of its sessions begin with, joined by commas; * opens all.")
    var prefix = "*"

    @Option(help: ArgumentHelp(
        "File of tokens to add it to, made where there is none.", valueName: "file"))
    var append: String?

    func run() throws {
        var generator = SystemRandomNumberGenerator()
        let secret = TokenSecret(using: &generator)
        do {
            let id = id ?? "token-\(String(UInt32.random(in: .min ... .max), radix: 16))"
            let entry = try TokenEntry(
                id: id[...], digest: secret.digest(), scopes: scope[...], prefixes: prefix[...])
            if let append { try add(entry, to: append) }
            try say(append == nil ? "\(secret.text)\n\(entry.line)\n" : "\(secret.text)\n")
        } catch {
            _ = StandardStream.error.write(Array("optimizerd: \(error)\n".utf8))
            throw ExitCode(2)
        }
    }

    private func add(_ entry: TokenEntry, to path: String) throws {
        do {
            let replacement = try FileReplacement(path)
            let file = try replacement.current(limitBytes: TokenFile.limitBytes)
            let bytes = try TokenFile.adding(entry, to: file?.bytes ?? [])
            try replacement.write(bytes, permissions: file?.permissions)
        } catch let fault as TokenFileFault {
            throw SettingError("\(path), \(fault).")
        } catch let fault as OperatorFileFault {
            throw SettingError("\(path) \(fault).")
        } catch {
            throw SettingError("\(path) cannot be written: \(error).")
        }
    }

    /// A token that nobody has read is lost; its line in the file lets nobody in.
    private func say(_ text: String) throws {
        let bytes = Array(text.utf8)
        guard StandardStream.output.write(bytes) == bytes.count else {
            throw SettingError("The token could not be printed and is lost; make another.")
        }
    }
}
