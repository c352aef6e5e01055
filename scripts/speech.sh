#!/bin/bash
# Makes src/voice/speech.ts: recorded speech as G.711 mu-law, kept in flash, where each second takes 8,000 bytes.
# Needs the Debian packages pocketsphinx-testdata (the recording) and ffmpeg. Installs nothing.
# Usage: bash scripts/speech.sh
set -euo pipefail
cd "$(dirname "$0")/.."

SOURCE=/usr/share/pocketsphinx/test/data/goforward.raw
INPUT=(-f s16le -ar 16000 -ac 1 -i "$SOURCE")
TARGET=src/voice/speech.ts
# The sentence with some of the pauses around it, so that the loop joins in quiet; whole frames of 20 ms.
WORDS="Go forward ten meters"
START=0.40
SECONDS_CUT=2.20
BYTES=17600
PEAK_DB=-3

fail() { echo "error: $1" >&2; exit 1; }
[ -r "$SOURCE" ] || fail "$SOURCE is missing: apt-get install pocketsphinx-testdata"
command -v ffmpeg >/dev/null || fail "ffmpeg is missing: apt-get install ffmpeg"

# The cut's first and last 10 ms are faded, so that the noise of the room does not click where the loop joins.
FADE="afade=t=in:d=0.01,afade=t=out:st=2.19:d=0.01"
CUT="atrim=start=$START:duration=$SECONDS_CUT,asetpts=PTS-STARTPTS,aresample=8000,$FADE"

peak=$(ffmpeg -hide_banner -nostdin "${INPUT[@]}" -af "$CUT,volumedetect" -f null - 2>&1 |
    sed -n 's/.*max_volume: \(-\?[0-9.]*\) dB.*/\1/p')
[ -n "$peak" ] || fail "ffmpeg did not measure the peak of $SOURCE"
gain=$(awk -v want="$PEAK_DB" -v have="$peak" 'BEGIN { printf "%.1f", want - have }')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ffmpeg -hide_banner -loglevel error -nostdin "${INPUT[@]}" -af "$CUT,volume=${gain}dB" \
    -ac 1 -ar 8000 -c:a pcm_mulaw -f mulaw "$work/speech.ul"
size=$(stat -c %s "$work/speech.ul")
[ "$size" -eq "$BYTES" ] || fail "the cut has $size bytes instead of $BYTES"

{
    cat <<HEADER
/**
 * $SECONDS_CUT seconds of speech, G.711 mu-law, 8 kHz, mono. Starts and ends in quiet: can be looped.
 * "$WORDS", from goforward.raw of the Debian package pocketsphinx-testdata
 * (BSD-2-Clause, copyright 1995-2014 Carnegie Mellon University, 2014-2015 Alpha Cephei Inc.).
 * Made by scripts/speech.sh, which cuts, resamples, normalises to a peak of -3 dB and encodes.
 * Do not edit.
 */
export const SPEECH: Buffer = hex\`
HEADER
    od -An -v -tx1 -w48 "$work/speech.ul" | tr -d ' ' | sed 's/^/    /'
    echo '`'
} >"$work/speech.ts"
mkdir -p "$(dirname "$TARGET")"
mv "$work/speech.ts" "$TARGET"
echo "$TARGET: $size bytes of mu-law, gain $gain dB"
