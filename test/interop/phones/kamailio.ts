/**
 * Kamailio as the registrar and proxy of a domain: it asks each user for the password (digest, MD5), knows in memory where
 * they are, and stays on the way of their calls (Record-Route).
 */
import { writeFile } from "node:fs/promises"
import { HOST, listening, type Lan } from "../lan.js"
import { type HostProcess } from "../process.js"
import type { Registration } from "./registration.js"

export const DOMAIN = "example.com"
export const SIP_PORT = 5060
/** The domain's users, and their passwords. */
export const USERS = { alice: "wonderland", bob: "builder", carol: "christmas", dave: "lister" }
export type User = keyof typeof USERS

export interface KamailioOptions {
    /** Whether its challenges have `qop="auth"` (RFC 2617); default true. */
    qop?: boolean
    /** Seconds after which a nonce is stale; default 300. */
    nonceSeconds?: number
}

export class Kamailio {
    private constructor(private readonly program: HostProcess) {}

    /** Start it on the host's address; resolves when it listens. It ends with its LAN at the latest. */
    static async start(lan: Lan, options: KamailioOptions = {}): Promise<Kamailio> {
        const file = lan.file("kamailio.cfg")
        await writeFile(file, config(options))
        // in the foreground, its log on standard error, and 16 MB of shared memory instead of 64
        const args = ["-f", file, "-DD", "-E", "-m", "16", "-M", "4", "-Y", lan.directory, "-P", lan.file("kamailio.pid")]
        const program = lan.spawn("kamailio", "kamailio", args)
        await program.ready("SIP", () => listening("udp", SIP_PORT))
        return new Kamailio(program)
    }

    /** What a user's phone needs to know. */
    registration(user: User): Registration {
        return { domain: DOMAIN, proxy: `sip:${HOST}:${SIP_PORT}`, password: USERS[user] }
    }

    /** Whom it has registered, and refused, so far, a line each: `registered sip:alice@example.com at ...`, `refused REGISTER of alice: ...`. */
    get log(): string[] {
        return [...this.program.output.matchAll(/tuplephone: (.*)/g)].map(([, text]) => text!)
    }

    /** Those of the log's lines that tell of a refusal: a first request without credentials is none. */
    get refusals(): string[] {
        return this.log.filter(line => line.startsWith("refused"))
    }

    /** End it. */
    async stop(): Promise<void> {
        await this.program.stop()
    }
}

function config({ qop = true, nonceSeconds = 300 }: KamailioOptions): string {
    const modules = ["tm", "sl", "rr", "pv", "maxfwd", "usrloc", "registrar", "textops", "siputils", "xlog", "auth"]
    const passwords = Object.entries(USERS).map(([user, password]) => `if ($fU == "${user}") $var(password) = "${password}";`)
    return `#!KAMAILIO
debug=1
log_stderror=yes
children=2
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:${HOST}:${SIP_PORT}
alias="${DOMAIN}"

${modules.map(name => `loadmodule "${name}.so"`).join("\n")}
modparam("auth", "nonce_expire", ${nonceSeconds})
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 3600)
# Linphone would give its GRUU as its contact, and each request in a dialog had to be looked up
modparam("registrar", "gruu_enabled", 0)
modparam("rr", "append_fromtag", 0)

request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (loose_route()) { t_relay(); exit; }
        # the ACK for a final response that is no 2xx
        if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
        sl_send_reply("404", "Not here");
        exit;
    }
    t_check_trans();
    if (is_method("ACK")) exit;
    if (is_method("OPTIONS") && uri == myself && $rU == $null) { sl_send_reply("200", "OK"); exit; }
    # who names no user of ours calls from outside: no password
    if (is_method("REGISTER") || from_uri == myself) route(AUTHENTICATE);

    if (is_method("REGISTER")) {
        if (!save("location")) sl_reply_error();
        xlog("L_ALERT", "tuplephone: registered $tu at $ct, $hdr(Expires)\\n");
        exit;
    }
    # the phone's own one to us
    remove_hf("Route");
    record_route();
    if (!lookup("location")) {
        xlog("L_ALERT", "tuplephone: refused $rm to $rU: 404\\n");
        sl_send_reply("404", "Not Found");
        exit;
    }
    if (!t_relay()) sl_reply_error();
}

route[AUTHENTICATE] {
    $var(password) = "";
    ${passwords.join("\n    ")}
    if ($var(password) == "") {
        xlog("L_ALERT", "tuplephone: refused $rm of $fU: no such user\\n");
        sl_send_reply("403", "Forbidden");
        exit;
    }
    if (pv_auth_check("$fd", "$var(password)", "0", "1")) { consume_credentials(); return; }
    # -5: it has sent none, as it should at first; -4: its nonce is too old
    if ($retcode != -5) xlog("L_ALERT", "tuplephone: refused $rm of $fU: pv_auth_check $retcode\\n");
    if (is_method("REGISTER")) www_challenge("$fd", "${qop ? 1 : 0}"); else proxy_challenge("$fd", "${qop ? 1 : 0}");
    exit;
}
`
}
