// A program that the editor can start: it builds what is called src/main*.ts, and nothing else (docs/vscode.md).
// To start another one, name it here.
import "../examples/two-addresses"
