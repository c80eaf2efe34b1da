package srt

import (
	"errors"
	"fmt"
	"strings"
)

// Resource is what a client asks for by its stream identifier.
type Resource struct {
	Publish bool
	Vhost   string // as the client called it, empty if it did not
	App     string
	Stream  string
	Query   string // the identifier's other keys, and what follows a question mark, as in a URL
}

var (
	errNoStream = errors.New("srt: the stream identifier names no stream")
	errMode     = errors.New("srt: the mode (m) can be publish or request")
)

// ParseStreamID reads a stream identifier: "#!::r=app/stream,m=publish,h=host,key=value", where r may be left out and h be
// "app/stream" or "host/app/stream"; or "app/stream", or "stream", which is of the default application and is played.
func ParseStreamID(id, defaultApp string) (r Resource, err error) {
	keys, standard := strings.CutPrefix(id, "#!::")
	path := id
	if standard {
		if path, err = r.readKeys(keys); err != nil {
			return r, err
		}
	}
	path, query, _ := strings.Cut(path, "?")
	r.addQuery(query)
	app, stream, ok := cutLast(strings.Trim(path, "/"))
	if !ok {
		app = defaultApp
	}
	if stream == "" {
		return r, errNoStream
	}
	r.App, r.Stream = app, stream
	return r, nil
}

// readKeys reads what stands between commas, and returns the path that they name.
func (r *Resource) readKeys(keys string) (path string, err error) {
	host, named := "", false
	for item := range strings.SplitSeq(keys, ",") {
		key, value, _ := strings.Cut(item, "=")
		switch key {
		case "r":
			path, named = value, true
		case "h":
			host = value
		case "m":
			if value != "publish" && value != "request" {
				return "", fmt.Errorf("%w, not %.100q", errMode, value)
			}
			r.Publish = value == "publish"
		default:
			r.addQuery(item)
		}
	}
	if named {
		r.Vhost = host
		return path, nil
	}
	if strings.Count(host, "/") > 1 {
		r.Vhost, host, _ = strings.Cut(host, "/")
	}
	return host, nil
}

func (r *Resource) addQuery(item string) {
	if r.Query != "" && item != "" {
		r.Query += "&"
	}
	r.Query += item
}

// cutLast slices s around its last slash; without one, all of it comes after.
func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}
