// Clients of the executable jar have compared its streams with answers of their own.
def log = new File(basedir, 'build.log').text
assert log.contains('streams as expected: 8')
// Native access was given by the manifest.
assert !log.contains('restricted method')
