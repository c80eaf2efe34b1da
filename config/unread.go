package config

// Unread is an environment variable that looks like a setting and that nothing reads.
type Unread struct {
	Name    string
	Known   bool   // SRS reads it
	NoVhost bool   // it would be read for a virtual host, and there is none
	Nearest string // the variable that was probably meant
}

func (u Unread) String() string {
	switch {
	case u.NoVhost:
		return u.Name + " is ignored, for there is no virtual host that it could set something of: write `vhost " + DefaultVhost + " { }`"
	case u.Known:
		return u.Name + " is not supported yet and is ignored"
	case u.Nearest != "":
		return u.Name + " is unknown and is ignored; did you mean " + u.Nearest + "?"
	}
	return u.Name + " is unknown and is ignored"
}

// findUnread lists the variables that nothing read, but for those that ask for nothing.
func (b *binder) findUnread() {
	var names []string
	declared := make(map[string]bool)
	b.root.each(func(n *node) {
		names = append(names, n.env...)
		for _, name := range n.env {
			declared[name] = true
		}
	})
	known := make(map[string]*Directive)
	eachKnown(b.known, nil, func(d *Directive, path []string) {
		if d.Braces {
			return
		}
		for _, name := range envNames(path) {
			known[name] = d
			names = append(names, name)
		}
	})
	for _, name := range b.env.unread() {
		d := known[name]
		switch {
		case declared[name]: // all that is not in virtual hosts was read
			b.report.Unread = append(b.report.Unread, Unread{Name: name, NoVhost: true})
		case isMeta(name), d.marked(b.env.values[name]):
		case d != nil:
			b.report.Unread = append(b.report.Unread, Unread{Name: name, Known: true})
		default:
			b.report.Unread = append(b.report.Unread, Unread{Name: name, Nearest: nearest(name, names)})
		}
	}
}
