package sdp

import (
	"strings"
)

// normalise makes the text of an offer what the parser wants: no blank lines, line ends of LF alone, none of the lines that
// say nothing to a media server (bandwidths above all, whose unknown kinds RFC 8866 section 5.8 wants ignored). It is
// also where the bounds on lines and control bytes are kept, so that what is echoed later cannot break a line.
func normalise(text []byte) (string, error) {
	if len(text) > MaxOffer {
		return "", malformed("offer of %d bytes is over the limit of %d", len(text), MaxOffer)
	}
	if strings.TrimSpace(string(text)) == "" {
		return "", malformed("offer is empty")
	}
	var b strings.Builder
	b.Grow(len(text) + 1)
	n := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		n++
		if err := checkLine(line, n); err != nil {
			return "", err
		}
		if strings.IndexByte("iuepbkzr", line[0]) < 0 {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	return b.String(), nil
}

func checkLine(line string, n int) error {
	if n > maxLines {
		return malformed("offer has more than %d lines", maxLines)
	}
	if len(line) < 2 || line[1] != '=' {
		return malformed("offer is not SDP: line %d is %q", n, shown(line))
	}
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			return malformed("offer is not SDP: line %d has the control byte 0x%02x", n, c)
		}
	}
	return nil
}

// isToken says whether s may stand where SDP wants one word: printable ASCII with no space and no colon.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return s != ""
}

// isICE says whether s holds nothing but the ice-chars of RFC 8839, letters, digits, + and /, and what else makes up base64 as
// clients write it. All of it can stand in the query of a URL as it is: a session's Location is made of ufrags.
func isICE(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=") == ""
}

// token makes an identifier out of text that may hold anything (a stream's name comes from a URL): at most limit bytes, every
// byte that SDP would not take replaced by an underscore. The slash stays; browsers take it, and "app/stream" reads well.
func token(s string, limit int) string {
	b := []byte(s[:min(len(s), limit)])
	for i, c := range b {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),:;<=>?@[\]`, c) >= 0 {
			b[i] = '_'
		}
	}
	if len(b) == 0 {
		return "-"
	}
	return string(b)
}

// param is one parameter of an a=fmtp line; names are compared without regard to case.
func param(fmtp, name string) (string, bool) {
	for p := range strings.SplitSeq(fmtp, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}
