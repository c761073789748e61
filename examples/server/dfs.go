package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gosmbd/smb"
)

// addDFS takes a -dfs: share/path=//server/share[,//server/share]... Without a path it
// is about the root, whose targets may be missing.
func (c *config) addDFS(s string) error {
	place, targets, _ := strings.Cut(s, "=")
	share, path, _ := strings.Cut(place, "/")
	if share == "" || path == "" && strings.Contains(place, "/") {
		return errors.New("want share/path=//server/share, as in -dfs docs/old=//archive/docs")
	}
	if path == "" {
		path = "."
	}
	var l smb.DFSLink
	if targets != "" {
		for i, t := range strings.Split(targets, ",") {
			l.Targets = append(l.Targets, smb.DFSTarget{Path: t, Rank: uint8(min(i, 31))})
		}
	}
	share = strings.ToLower(share)
	if c.links[share] == nil {
		if c.links == nil {
			c.links = make(map[string]map[string]smb.DFSLink)
		}
		c.links[share] = make(map[string]smb.DFSLink)
	}
	if _, ok := c.links[share][path]; ok {
		return fmt.Errorf("there is -dfs %s already", place)
	}
	c.links[share][path] = l
	return nil
}

// placeDFS gives each share its links.
func (c *config) placeDFS() error {
	for name, links := range c.links {
		i := slices.IndexFunc(c.shares, func(s shareConfig) bool { return strings.EqualFold(s.name, name) })
		if i < 0 {
			return fmt.Errorf("-dfs is about a share %q, and there is none", name)
		}
		var err error
		if c.shares[i].dfs, err = smb.NewDFS(links); err != nil {
			return fmt.Errorf("-dfs: %w", err)
		}
	}
	return nil
}
