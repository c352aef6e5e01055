/** What somebody dials: a URI, a number, or a short name. */
import { split } from "../base/text"
import { account } from "../sip/account"

/**
 * The URI that `text` stands for. A rule of `DIALPLAN` is `WHAT=INSTEAD`, or `BEGINNING*=INSTEAD` for all that begins so; the first one that
 * fits is taken. What is no URI then is a user of the account's domain.
 * @param text as somebody has typed it
 * @returns "" if it stands for none, as an address and port does
 */
export function dialled(text: string): string {
    let uri = text
    for (const rule of split(account.plan, ",")) {
        const at = rule.indexOf("=")
        const begins = rule[at - 1] === "*"
        const what = rule.slice(0, begins ? at - 1 : at)
        if (at > 0)
            if (begins ? text.startsWith(what) : text === what) {
                uri = rule.slice(at + 1)
                if (begins) uri = uri + text.slice(what.length)
                break
            }
    }
    if (uri.startsWith("sip:")) return uri
    const domain = account.uri.indexOf("@")
    if (domain < 0) return ""
    if (uri.indexOf(":") >= 0) return ""
    return "sip:" + uri + account.uri.slice(domain)
}
