package config

import "strings"

// checkNames goes through a block of the file and says what is unknown, misplaced, written twice or not supported. The
// block is declared by n and known to SRS as k; either may be nil, not both.
func (b *binder) checkNames(n *node, k *Directive, d *Directive) {
	first := make(map[string]*Directive)
	for _, c := range d.Block {
		bound, known := n.child(c.Name), k.First(c.Name)
		key := c.Name
		if repeats(c.Name) {
			key += " " + c.Arg()
		}
		switch before := first[key]; {
		case bound == nil && known == nil:
			b.unknown(n, k, c)
			continue
		case before == nil:
			first[key] = c
		case !repeats(c.Name) || c.Name == "vhost":
			b.warn(at(c), "%s is written again and ignored: line %d of %s counts", show(strings.TrimSpace(key)), before.Pos.Line, before.Pos.File)
			continue
		}
		switch {
		case bound != nil:
			b.checkShape(bound, known, c)
		case n != nil:
			b.unsupported(known, c)
		}
		if c.Braces && !known.marked("any") && (bound == nil || bound.form != setting) {
			b.checkNames(bound, known, c)
		}
	}
}

// checkShape says whether a supported directive is written as what it is, setting or section.
func (b *binder) checkShape(n *node, known, d *Directive) {
	switch {
	case n.form == vhosts && d.Arg() == "":
		b.fail(at(d), "a virtual host needs a name: `vhost %s { … }`", DefaultVhost)
	case n.form != setting && !d.Braces:
		b.fail(at(d), "%s is a section: write `%s { … }`", show(d.Name), d.Name)
	case n.form == setting && d.Braces:
		b.fail(at(d), "%s is a setting and has no block: write `%s …;`", show(d.Name), d.Name)
	case n.form == setting && len(d.Args) == 0:
		b.warn(at(d), "%s has no value, so its default counts", show(d.Name))
	case n.form == setting && !n.several && len(d.Args) > 1, n.form == vhosts && len(d.Args) > 1:
		b.warn(origin{pos: d.Args[1].Pos}, "%s takes one value: %s is ignored", show(d.Name), show(d.Args[1].Text))
	case n.form == section && len(d.Args) > 0:
		b.warn(origin{pos: d.Args[0].Pos}, "%s takes no value: %s is ignored", show(d.Name), show(d.Args[0].Text))
	}
}

// unsupported warns of what SRS would do and the program does not, unless it asks for nothing. Guards are not its matter.
func (b *binder) unsupported(known, d *Directive) {
	asked := !known.marked(d.Arg())
	if enabled := known.First("enabled"); enabled != nil && d.Braces {
		asked = d.First("enabled").Arg() == "on" || !enabled.marked("off")
	}
	if asked && !known.marked("unsafe") {
		b.warn(at(d), "%s is not supported yet and is ignored", show(d.Name))
	}
}

// unknown reports a directive nobody knows, with the name or the place that was probably meant.
func (b *binder) unknown(n *node, k *Directive, d *Directive) {
	hint := ""
	if b.errors.full() {
		// Nobody will read it.
	} else if home := b.home(d.Name); home != nil {
		hint = "; it belongs in " + quotedPath(home)
	} else if name := nearest(d.Name, siblings(n, k)); name != "" {
		hint = "; did you mean " + show(name) + "?"
	}
	b.fail(at(d), "unknown directive %s%s", show(d.Name), hint)
}

// siblings returns the names that are right in a block, those the program supports first.
func siblings(n *node, k *Directive) []string {
	var names []string
	if n != nil {
		for _, c := range n.children {
			names = append(names, c.name)
		}
	}
	if k != nil {
		for _, c := range k.Block {
			names = append(names, c.Name)
		}
	}
	return names
}

// home returns the path of the only section in which a name is right, among those the program supports or else among
// those SRS knows; nil if it is not one.
func (b *binder) home(name string) []string {
	var declared, known [][]string
	b.root.each(func(n *node) { declared = addHome(declared, n.path, name) })
	eachKnown(b.known, nil, func(_ *Directive, path []string) { known = addHome(known, path, name) })
	switch {
	case len(declared) == 1:
		return declared[0]
	case len(declared) == 0 && len(known) == 1:
		return known[0]
	}
	return nil
}

// addHome adds the section of a path that ends in name.
func addHome(homes [][]string, path []string, name string) [][]string {
	if last := len(path) - 1; last > 0 && path[last] == name {
		return append(homes, path[:last])
	}
	return homes
}

// refuseUnsafe reports every guard that is asked for, by the file or the environment, and not supported. file is nil if
// only the environment counts.
func (b *binder) refuseUnsafe(file *Directive) {
	eachKnown(b.known, nil, func(k *Directive, path []string) {
		if !k.marked("unsafe") || b.root.bound(path) != nil {
			return
		}
		for _, around := range blocks(file, path[:len(path)-1]) {
			if from, asked := b.asked(k, path, around); asked {
				b.fail(from, "%s is unsupported, and it would be unsafe to go on without it", quotedPath(path))
			}
		}
	})
}

// blocks returns the blocks of that path which count in the file: several for what is in a virtual host, and a nil one
// where the file has none, since the environment may still speak for it.
func blocks(file *Directive, path []string) []*Directive {
	if len(path) == 0 {
		return []*Directive{file}
	}
	var found []*Directive
	for _, around := range blocks(file, path[:len(path)-1]) {
		name := path[len(path)-1]
		if around == nil || !repeats(name) {
			found = append(found, around.First(name))
			continue
		}
		for _, d := range around.Block {
			if d.Name == name {
				found = append(found, d)
			}
		}
	}
	return found
}

// asked says whether a guard is asked for, and where: a section by its switch, a setting by any value while the section
// around it is on.
func (b *binder) asked(k *Directive, path []string, around *Directive) (origin, bool) {
	parent := path[:len(path)-1]
	if k.Braces {
		value, from := b.value(append(path[:len(path):len(path)], "enabled"), around.First(k.Name).First("enabled"))
		return from, value == "on"
	}
	enabled, _ := b.value(append(parent[:len(parent):len(parent)], "enabled"), around.First("enabled"))
	value, from := b.value(path, around.First(k.Name))
	return from, enabled == "on" && value != "" && value != "off"
}

// value returns what the environment, else the file, says for a path that is not declared.
func (b *binder) value(path []string, d *Directive) (string, origin) {
	if name, value := b.env.first(envNames(path)); name != "" {
		return value, origin{env: name}
	}
	return d.Arg(), at(d)
}
