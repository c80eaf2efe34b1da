package hls

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Left finds in a playlist what a muxer that came to no end has left of a stream: the files that it names, if they are named as
// a muxer names this stream's. It returns them as changes that remove them.
func (n *Names) Left(playlist string) (list []Change) {
	segment, init, key := n.own(n.Segment), n.own(n.Init), n.own(n.Key)
	found := func(uri, prefix string, is *regexp.Regexp, key bool) {
		for _, name := range n.meant(uri, prefix) {
			if is.MatchString(name) {
				list = append(list, Change{Name: name, Remove: true, Key: key})
				return
			}
		}
	}
	for line := range strings.Lines(playlist) {
		line = strings.TrimSpace(line)
		if uri, ok := strings.CutPrefix(line, `#EXT-X-MAP:URI="`); ok {
			found(strings.TrimSuffix(uri, `"`), "", init, false)
		} else if uri, ok := strings.CutPrefix(line, `#EXT-X-KEY:METHOD=AES-128,URI="`); ok {
			found(strings.TrimSuffix(uri, `"`), n.KeyPrefix, key, true)
		} else if line != "" && line[0] != '#' {
			found(line, n.EntryPrefix, segment, false)
		}
	}
	return list
}

// ownDigits is how many digits a number in a name has at least, with the mark behind it: it counts tenths of seconds since 2026.
// Files that somebody else has numbered have less.
const ownDigits = `[0-9]{12,}`

// own matches the names that a template gives this stream's files, and no others.
func (n *Names) own(template string) *regexp.Regexp {
	text := regexp.QuoteMeta(strings.TrimPrefix(numbered(template), "./"))
	for _, v := range variables {
		value := "(?:" + v.pattern + ")"
		switch v.name {
		case "vhost":
			value = regexp.QuoteMeta(safe(n.Vhost))
		case "app":
			value = regexp.QuoteMeta(safe(n.App))
		case "stream":
			value = regexp.QuoteMeta(safe(n.Stream))
		case "seq":
			value = ownDigits
		}
		text = strings.ReplaceAll(text, `\[`+v.name+`\]`, value)
	}
	return regexp.MustCompile("^" + text + "$")
}

// meant are the files that a URI in the playlist can mean: it is relative to the playlist's directory, or to that of all.
func (n *Names) meant(uri, prefix string) []string {
	rest, ok := strings.CutPrefix(uri, prefix)
	name, err := url.PathUnescape(rest)
	if !ok || err != nil {
		return nil
	}
	return []string{path.Join(path.Dir(n.playlist()), name), strings.TrimPrefix(name, "/")}
}
