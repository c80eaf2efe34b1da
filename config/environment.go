package config

import (
	"maps"
	"slices"
	"strings"
)

// environment is the variables of the process, and which of them were asked for.
type environment struct {
	values map[string]string
	read   map[string]bool
}

// newEnvironment takes variables as os.Environ gives them.
func newEnvironment(environ []string) *environment {
	e := &environment{values: make(map[string]string, len(environ)), read: make(map[string]bool)}
	for _, v := range environ {
		if name, value, ok := strings.Cut(v, "="); ok && value != "" {
			e.values[name] = value
		}
	}
	return e
}

// get returns a variable's value; unset and empty are the same.
func (e *environment) get(name string) string {
	e.read[name] = true
	return e.values[name]
}

// first returns the first of these variables that is not empty. All of them count as read.
func (e *environment) first(names []string) (name, value string) {
	for _, n := range names {
		if v := e.get(n); v != "" && value == "" {
			name, value = n, v
		}
	}
	return name, value
}

// unread returns the names beginning with SRS_ that are set and were never asked for, sorted.
func (e *environment) unread() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(e.values)) {
		if strings.HasPrefix(name, "SRS_") && !e.read[name] {
			names = append(names, name)
		}
	}
	return names
}

// Locate says which file to read: SRS_CONFIG_FILE goes before the path of the command line; envOnly, or SRS_ENV_ONLY=on,
// means none, and is returned for Input.EnvOnly.
func Locate(environ []string, path string, envOnly bool) (string, bool) {
	e := newEnvironment(environ)
	if envOnly || e.get("SRS_ENV_ONLY") == "on" {
		return "", true
	}
	if file := e.get("SRS_CONFIG_FILE"); file != "" {
		return file, false
	}
	return path, false
}

// EnvName is the name of the variable that sets what has this path, a.b.c.
func EnvName(path string) string { return envNames(strings.Split(path, "."))[0] }

// envNames returns the names of the variables that set what has this path: first the one that follows from it, a.b.c is
// SRS_A_B_C, then the other names SRS has used.
func envNames(path []string) []string {
	name := "SRS_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(strings.Join(path, "_")))
	names := []string{name}
	if strings.Contains(name, "_HTTPS_") {
		// SRS 5.0.60 to 5.0.71 read only these, and they live on in the announcement.
		names = append(names, strings.Replace(name, "_HTTPS_", "_HTTTPS_", 1))
	}
	if rest, ok := strings.CutPrefix(name, "SRS_SRS_LOG_"); ok {
		names = append(names, "SRS_LOG_"+rest)
	}
	switch name {
	case "SRS_CHUNK_SIZE":
		names = append(names, "SRS_VHOST_CHUNK_SIZE")
	case "SRS_VHOST_SRT_SRT_TO_RTMP":
		names = append(names, "SRS_VHOST_SRT_TO_RTMP")
	}
	return names
}

// isMeta tells the names that are no setting of ours but nothing is lost by: how this configuration was found, and marks
// that SRS's Docker images set.
func isMeta(name string) bool {
	switch name {
	case "SRS_ENV_ONLY", "SRS_CONFIG_FILE", "SRS_IN_DOCKER", "SRS_PLATFORM", "SRS_REGION", "SRS_SOURCE":
		return true
	}
	return false
}
