// GET /livez as a user of Hummingbird writes it: the framework's defaults, one route, a body that
// is made once. `load-benchmark livez` measures the service against it.
//
//     hummingbird-peer [PORT]      0, the default, picks a free port; the address is printed

import Foundation
import Hummingbird

guard CommandLine.arguments.count <= 2,
    let port = UInt16(CommandLine.arguments.dropFirst().first ?? "0")
else {
    FileHandle.standardError.write(Data("usage: hummingbird-peer [PORT]\n".utf8))
    exit(64)
}

let ok = ByteBuffer(string: "ok\n")
let router = Router()
router.get("/livez") { _, _ in
    Response(
        status: .ok, headers: [.contentType: "text/plain"], body: ResponseBody(byteBuffer: ok))
}
let application = Application(
    router: router,
    configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: Int(port))),
    onServerRunning: { channel in
        guard let port = channel.localAddress?.port else { return }
        FileHandle.standardOutput.write(Data("http://127.0.0.1:\(port)\n".utf8))
    })
try await application.runService()
