package main

import (
	"fmt"
	"strings"
)

// page is a manual page that is being written, in the language of man(7).
type page struct{ strings.Builder }

func newPage(name, section, volume, about string) *page {
	p := new(page)
	// No date: the same program makes the same page.
	fmt.Fprintf(p, ".TH %q %q \"\" %q %q\n.SH NAME\n%s \\- %s\n",
		strings.ToUpper(name), section, "iceserver "+versionName(), volume, escape(name), escape(about))
	return p
}

func (p *page) section(title string)    { fmt.Fprintf(p, ".SH %q\n", title) }
func (p *page) subsection(title string) { fmt.Fprintf(p, ".SS %q\n", title) }

// text is a line that stands as it is, in bold where it is one to type.
func (p *page) text(s string) { p.WriteString(escape(s) + "\n") }

// paragraphs are filled anew: an empty line ends one.
func (p *page) paragraphs(s string) {
	for i, text := range strings.Split(s, "\n\n") {
		if i > 0 {
			p.WriteString(".PP\n")
		}
		p.WriteString(escape(strings.Join(strings.Fields(text), " ")) + "\n")
	}
}

// item is a term with what is to be said of it.
func (p *page) item(term, about string) {
	fmt.Fprintf(p, ".TP\n\\fB%s\\fR\n%s\n", escape(term), escape(strings.Join(strings.Fields(about), " ")))
}

// verbatim keeps the lines as they are.
func (p *page) verbatim(s string) {
	p.WriteString(".nf\n")
	for line := range strings.Lines(s) {
		p.WriteString(escape(strings.TrimRight(line, "\n")) + "\n")
	}
	p.WriteString(".fi\n")
}

// escape keeps roff from reading anything into a line of text: neither a request
// at its beginning, nor a backslash, nor a hyphen where a minus is to be copied.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
