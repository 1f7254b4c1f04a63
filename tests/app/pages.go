package main

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// Home is what views/index.html gets to see.
type Home struct {
	Version string
	Visits  int
	Entries []Entry
}

// loadPages reads all templates, and renders the page once with made-up data:
// html/template finds some mistakes only then.
func loadPages(dir string) (*template.Template, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		here, _ := os.Getwd()
		return nil, fmt.Errorf("no templates: %s", filepath.Join(here, dir, "*.html"))
	}
	pages := template.New("")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		// The error of html/template begins with this name and the line.
		if _, err := pages.New(filepath.Base(file)).Parse(string(text)); err != nil {
			return nil, fmt.Errorf("broken template %s: %w", file, err)
		}
	}
	sample := Home{Version: "0000000", Visits: 1, Entries: []Entry{{"Ada", "Hello!", time.Unix(0, 0)}}}
	if err := pages.ExecuteTemplate(io.Discard, "index.html", sample); err != nil {
		return nil, fmt.Errorf("broken template in %s: %w", dir, err)
	}
	return pages, nil
}

func routes(store *Store, pages *template.Template, rev string) http.Handler {
	mux := http.NewServeMux()

	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		home, err := loadHome(r.Context(), store, rev)
		if err != nil {
			fail(w, r, err)
			return
		}
		// Into memory first, so that a page is sent whole or not at all.
		var page bytes.Buffer
		if err := pages.ExecuteTemplate(&page, "index.html", home); err != nil {
			fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		page.WriteTo(w)
	})

	mux.HandleFunc("/sign", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			http.Error(w, "the guest book is signed with a POST", http.StatusMethodNotAllowed)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
		name := strings.TrimSpace(r.FormValue("name"))
		message := strings.TrimSpace(r.FormValue("message"))
		if !fits(name, 40) || !fits(message, 280) {
			http.Error(w, "a name (40 characters) and a message (280) are needed", http.StatusBadRequest)
			return
		}
		if err := store.Sign(r.Context(), name, message); err != nil {
			fail(w, r, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})

	mux.HandleFunc("/version", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, rev)
	})

	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := store.Check(r.Context()); err != nil {
			fail(w, r, err)
			return
		}
		fmt.Fprintln(w, "ok")
	})

	return mux
}

func loadHome(ctx context.Context, store *Store, rev string) (home Home, err error) {
	home.Version = short(rev)
	if home.Visits, err = store.Visit(ctx, "/"); err != nil {
		return home, err
	}
	home.Entries, err = store.Entries(ctx, 20)
	return home, err
}

// fits says whether there is some text, and not too much of it.
func fits(text string, limit int) bool {
	return text != "" && utf8.RuneCountInString(text) <= limit
}

// fail tells the log what went wrong, and the visitor that something did.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	log.Printf("%s %s: %v", r.Method, r.URL.Path, err)
	http.Error(w, "something went wrong", http.StatusInternalServerError)
}
