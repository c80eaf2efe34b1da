package rtmp

import "strings"

const defaultApp = "__defaultApp__"

// Name is what a client asked for: whatever spelling SRS takes has been brought to this.
type Name struct {
	Vhost  string // what ?vhost= or ?domain= say, else the URL's host
	App    string
	Stream string
	Param  string // the query with its question mark, for callbacks; empty without one
}

// parseName reads a name from the URL and the application that connect told, and the stream that publish or play did.
//
// The parameters may stand behind the application or behind the stream. The application may hold slashes; the last part of
// the path is the stream, which encoders with a single field for the URL leave in the application.
func parseName(tcURL, app, stream string) Name {
	host, path := splitURL(tcURL)
	if path == "" {
		path = app
	}
	path, query := cutInnerQuery(legacyVhost(path))
	stream, more := cutQuery(strings.TrimPrefix(stream, "/"))
	query = joinQuery(query, more)
	path = strings.Trim(strings.ReplaceAll("/"+strings.Trim(path, "/")+"/"+stream, "/_definst_", ""), "/")
	n := Name{Vhost: host, App: defaultApp, Stream: path}
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		n.App, n.Stream = strings.Trim(path[:i], "/"), path[i+1:]
	} else if stream == "" {
		n.App, n.Stream = path, ""
	}
	if n.App == "" {
		n.App = defaultApp
	}
	if query != "" {
		n.Param = "?" + query
	}
	for _, key := range [...]string{"domain", "vhost"} { // the last found wins
		if v := queryValue(query, key); v != "" {
			n.Vhost = v
		}
	}
	return n
}

// splitURL gives the host without its port, and what follows it.
func splitURL(url string) (host, path string) {
	if i := strings.Index(url, "://"); i >= 0 {
		url = url[i+3:]
	}
	host, path, _ = strings.Cut(url, "/")
	if i := strings.IndexAny(host, "?#"); i >= 0 {
		host, path = host[:i], host[i:]+"/"+path
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	if strings.HasPrefix(host, "[") {
		host, _, _ = strings.Cut(host[1:], "]")
		return host, path
	}
	host, _, _ = strings.Cut(host, ":")
	return host, path
}

// legacyVhost writes app...vhost...V as app?vhost=V, which the encoders of old could not send.
func legacyVhost(path string) string {
	app, vhost, ok := strings.Cut(path, "...vhost...")
	if !ok {
		return path
	}
	return app + "?vhost=" + vhost
}

// cutQuery cuts the parameters off.
func cutQuery(path string) (before, query string) {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		return path[:i], path[i+1:]
	}
	return path, ""
}

// cutInnerQuery cuts the parameters out of an application, behind which more of the path may stand: "app?vhost=V/app2".
func cutInnerQuery(path string) (before, query string) {
	before, query = cutQuery(path)
	if i := strings.IndexByte(query, '/'); i >= 0 {
		before, query = before+query[i:], query[:i]
	}
	return before, query
}

func joinQuery(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}

// queryValue finds a parameter. Nothing is decoded, as SRS doesn't.
func queryValue(query, key string) string {
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == '?' || r == ';' || r == ',' }) {
		if name, value, _ := strings.Cut(part, "="); name == key {
			return value
		}
	}
	return ""
}
