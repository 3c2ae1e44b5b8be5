// KHTML's side of a tab: a window with one page in it, and what happens there on stdout, one line each.

#include <KHTMLPart>
#include <KHTMLView>
#include <QApplication>
#include <QTextBrowser>
#include <QTimer>
#include <QUrl>
#include <cstdio>

static void say(const char *kind, const QString &text)
{
    std::printf("%s: %s\n", kind, qPrintable(text.simplified()));
    std::fflush(stdout);
}

// KHTML never calls window.onerror: what a page throws is told by a window with this text in it alone.
static void tellErrors()
{
    static QString told;
    for (QWidget *widget : QApplication::allWidgets()) {
        auto *errors = qobject_cast<QTextBrowser *>(widget);
        if (!errors || errors->objectName() != QLatin1String("_errorText") || errors->toPlainText() == told)
            continue;
        say("uncaught", errors->toPlainText().mid(told.size()));
        told = errors->toPlainText();
    }
}

int main(int count, char **arguments)
{
    QApplication application(count, arguments);
    if (count != 2) {
        std::fprintf(stderr, "usage: khtml-host URL\n");
        return 64;
    }
    KHTMLPart part;
    part.setJScriptEnabled(true);
    part.setJavaEnabled(false);
    part.setPluginsEnabled(false);
    QObject::connect(&part, QOverload<>::of(&KHTMLPart::completed), [] { say("opened", QStringLiteral("success")); });
    QObject::connect(&part, &KHTMLPart::canceled, [](const QString &why) { say("opened", why); });
    QTimer errors;
    QObject::connect(&errors, &QTimer::timeout, tellErrors);
    errors.start(100);
    part.openUrl(QUrl(QString::fromLocal8Bit(arguments[1])));
    part.view()->resize(800, 600);
    part.widget()->show();
    return application.exec();
}
