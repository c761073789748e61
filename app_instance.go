package smb

import (
	"context"
	"slices"
	"strings"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// appInstance names an application that may move to another client, and has its opens
// there closed in favour of those that it makes here.
type appInstance struct {
	id         smb2.GUID
	versioned  bool
	version    smb2.AppInstanceVersion
	clientGUID smb2.GUID
}

// parseApp takes a context that names an application. A version without an id means
// nothing.
func (c *creation) parseApp(x smb2.CreateContext) error {
	p := &c.r.c.params
	if p.dialect < Dialect300 {
		return nil
	}
	app := c.contexts.app
	if app == nil {
		app = &appInstance{clientGUID: p.clientGUID}
		c.contexts.app = app
	}
	if x.Name == smb2.ContextAppInstanceID {
		q, err := smb2.ParseAppInstanceID(x.Data)
		app.id = q.ID
		return err
	}
	var err error
	app.version, err = smb2.ParseAppInstanceVersion(x.Data)
	app.versioned = p.dialect == Dialect311
	return err
}

// takeOver closes what the same application has open by this name from another client.
// [MS-SMB2] 3.3.5.9.13
func (c *creation) takeOver() error {
	app := c.contexts.app
	if app == nil || app.id == (smb2.GUID{}) || c.r.tree.access()&vfs.ReadData == 0 {
		return nil
	}
	for _, o := range c.m.openBy(c.ctx, c.name, c.stream.name) {
		old := o.app
		if old == nil || old.id != app.id || !strings.EqualFold(o.shareName, c.r.tree.name) || old.clientGUID == app.clientGUID {
			continue
		}
		if old.versioned && c.r.c.params.dialect == Dialect311 && (!app.versioned || !old.version.Less(app.version)) {
			return smb2.StatusFileForcedClosed
		}
		if c.mayRead(o) { // or anybody could end others' handles
			c.m.srv.forceClose(o)
		}
	}
	return nil
}

// mayRead reports whether the caller may read what o is an open of.
func (c *creation) mayRead(o *open) bool {
	sd, err := c.m.securityAt(c.ctx, o.path())
	if err != nil {
		return false
	}
	return sd == nil || (held(sd, c.r.id.token)|c.backup())&vfs.AccessRead == vfs.AccessRead
}

// openBy returns the opens of what is open by a name, in whatever spelling.
func (m *mount) openBy(ctx context.Context, name, stream string) []*open {
	f := m.opened(m.pathKey(name, stream))
	if f == nil && m.exact {
		if spelled, err := m.resolve(ctx, name); err == nil {
			f = m.opened(m.pathKey(spelled, stream))
		}
	}
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.opens)
}

// opened returns what is open by a path, as pathKey has it; nil: nothing.
func (m *mount) opened(key string) *file {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.paths[key].file
}

// forceClose closes an open of a client that didn't ask for it. [MS-SMB2] 3.3.4.17
func (s *Server) forceClose(o *open) {
	if se := o.session(); se != nil {
		if se.takeOpen(o) {
			o.close()
		}
		return
	}
	s.expel(o)
}
