package osfs

const caseSensitive = true
